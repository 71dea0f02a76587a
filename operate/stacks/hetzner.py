"""What Hetzner offers, asked with read-only calls of the official client; which also checks the token."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from hcloud import APIException, Client

from operate.stacks.errors import WizardError
from operate.stacks.server_choice import Offer

DEFAULT_ENDPOINT = "https://api.hetzner.cloud/v1"


@contextmanager
def connected(token: str, endpoint: str | None) -> Iterator[Client]:
    """The official client. What Hetzner refuses inside the block is told as WizardError."""
    try:
        yield Client(token, endpoint or DEFAULT_ENDPOINT, application_name="poste-mail", timeout=(10.0, 60.0))
    except APIException as error:
        if error.code in ("unauthorized", "forbidden", "token_readonly"):
            right = "an API token with read and write access, made in the project under Security, API tokens"
            raise WizardError(f"Hetzner refuses the token ({error.message}). Expected {right}") from None
        raise WizardError(f"Hetzner: {error.message}") from None
    except requests.RequestException as error:
        raise WizardError(f"Hetzner's API cannot be reached: {error}") from None


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
