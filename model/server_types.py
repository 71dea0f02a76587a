"""Whether the chosen server type fits, asked of Hetzner at preview: types come and go, and differ by location."""

from collections.abc import Sequence
from typing import Protocol

from model.settings import Settings

CLAMAV_MEMORY = 4
"""GB of memory a server needs with ClamAV on: the signatures alone take about one."""


class Location(Protocol):
    """A location in which a server type is offered."""

    @property
    def name(self) -> str: ...
    @property
    def available(self) -> bool: ...
    @property
    def is_deprecated(self) -> bool: ...


class ServerType(Protocol):
    """What of Hetzner's answer decides."""

    @property
    def name(self) -> str | None: ...
    @property
    def architecture(self) -> str: ...
    @property
    def memory(self) -> float: ...
    @property
    def locations(self) -> Sequence[Location]: ...


def unfit(server_type: ServerType, settings: Settings) -> list[str]:
    """Sentences that say why a server of this type cannot run this stack; empty if it can."""
    reasons = []
    offered = [place.name for place in server_type.locations if place.available and not place.is_deprecated]
    if settings.location not in offered:
        where = ", ".join(offered) or "no location at the moment"
        reasons.append(f"serverType {server_type.name} is not available in {settings.location}; it is in: {where}")
    if server_type.architecture != "x86":
        reasons.append(
            f"serverType {server_type.name} has the architecture {server_type.architecture}; Poste's image is known to "
            "run on x86 only, for example on cx23"
        )
    if not settings.disable_clamav and server_type.memory < CLAMAV_MEMORY:
        reasons.append(
            f"serverType {server_type.name} has {server_type.memory:g} GB of memory, ClamAV needs {CLAMAV_MEMORY}; "
            "choose a larger type or set disableClamav to true"
        )
    return reasons
