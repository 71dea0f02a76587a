"""What Hetzner offers now."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Box:
    """A type of Storage Box, its size in bytes, its price a month in euro, net, and where it is to be had for that."""

    type: str
    size: int
    monthly: float
    location: str

    def __str__(self) -> str:
        return f"{self.type} with {self.size / 2**40:g} TB in {self.location}, {self.monthly:.2f} euro a month net"


def boxes(token: str, endpoint: str | None, storage: str | None) -> Sequence[Box]:
    """Every type of Storage Box in the location where it costs the least, the smallest one first."""
    with connected(token, endpoint, storage) as client:
        types = client.storage_box_types.get_all()
    found = []
    for kind in types:
        prices = kind.prices or ()
        places = {str(price["location"]): _monthly(prices, str(price["location"])) for price in prices}
        if places and not kind.deprecation:
            cheapest = min(places, key=lambda place: places[place])
            found.append(Box(str(kind.name), int(kind.size or 0), places[cheapest], cheapest))
    return sorted(found, key=lambda box: box.size)


def _monthly(prices: Sequence[dict[str, Any]], location: str) -> float:
    """The net price of a month in a location, in euro."""
    return next((float(price["price_monthly"]["net"]) for price in prices if price["location"] == location), math.inf)
