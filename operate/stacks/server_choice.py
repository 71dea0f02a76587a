"""Which server type to order where: pure functions on what Hetzner offers."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.server_types import CLAMAV_MEMORY
from operate.errors import WizardError

LOCATIONS = ("nbg1", "fsn1", "hel1", "ash", "hil", "sin")
"""The order in which locations are tried if none is asked for."""


@dataclass(frozen=True)
class Offer:
    """A server type that can be ordered in a location. Memory in GB, price in euro a month without tax."""

    type: str
    location: str
    architecture: str
    memory: float
    monthly: float

    @property
    def fits(self) -> bool:
        """Whether Poste runs on it, its virus scanner included."""
        return self.architecture == "x86" and self.memory >= CLAMAV_MEMORY


def choose(offers: Sequence[Offer], server_type: str | None, location: str | None) -> Offer:
    """The cheapest offer that fits what is asked for. Raises WizardError with what there is instead."""
    fitting = [offer for offer in offers if offer.fits]
    found = [
        offer
        for offer in fitting
        if (server_type is None or offer.type == server_type) and (location is None or offer.location == location)
    ]
    if not found:
        asked = " in ".join(filter(None, [server_type or "a server type that fits", location]))
        raise WizardError(
            f"Hetzner has not {asked} at the moment (x86, {CLAMAV_MEMORY} GB of memory or more). "
            f"Expected one of: {_listed(fitting)}"
        )
    return min(found, key=lambda offer: (_rank(offer.location), offer.monthly))


def _rank(location: str) -> int:
    return LOCATIONS.index(location) if location in LOCATIONS else len(LOCATIONS)


def _listed(offers: Sequence[Offer]) -> str:
    types = sorted({offer.type: offer for offer in offers}.values(), key=lambda offer: offer.monthly)
    places = {kind.type: [offer.location for offer in offers if offer.type == kind.type] for kind in types}
    return "; ".join(f"{kind} in {', '.join(found)}" for kind, found in places.items()) or "none"
