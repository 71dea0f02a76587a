"""What Hetzner offers now."""

import math
from collections.abc import Sequence
from typing import Any

from operate.clouds.hetzner import connected
from operate.stacks.server_choice import Offer


def offers(token: str, endpoint: str | None) -> Sequence[Offer]:
    """Every server type in every location where it can be ordered now."""
    with connected(token, endpoint) as client:
        types = client.server_types.get_all()
    return [
        Offer(
            str(kind.name),
            str(place.location.name),
            str(kind.architecture),
            float(kind.memory or 0),
            _monthly(kind.prices or (), str(place.location.name)),
        )
        for kind in types
        for place in kind.locations or ()
        if place.available and place.deprecation is None
    ]


def _monthly(prices: Sequence[dict[str, Any]], location: str) -> float:
    """The net price of a month in a location, in euro."""
    return next((float(price["price_monthly"]["net"]) for price in prices if price["location"] == location), math.inf)
