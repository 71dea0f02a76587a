"""Signing a zone (DNSSEC, RFC 9364), and how it may end, as pure functions.

Cloudflare signs; the registrar then tells the parent zone with which key (a DS record), by hand. As long as it does,
a zone that is not signed any more is wrong for all who validate: its mail and its web are gone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.settings import Settings
from model.stack_state import Held

ZONE_DNSSEC = "cloudflare:index/zoneDnssec:ZoneDnssec"

ACTIVE = "active"
"""Cloudflare's word for: signed, and the parent has the DS record."""


@dataclass(frozen=True)
class SignedZone:
    """A zone that is to be signed, or was by the last deploy."""

    name: str
    id: str
    wanted: bool
    status: str
    """Cloudflare's: disabled, pending (no DS at the parent yet), active."""


def signed(
    wanted: Iterable[str], zones: Mapping[str, str], state: Iterable[Held], ask: Callable[[str], str]
) -> list[SignedZone]:
    """The zones that the settings or the state have signed. `zones` are identifiers by name, `ask` tells a status."""
    names = {identifier: name for name, identifier in zones.items()}
    held = {str(found.outputs.get("zoneId")): found.name for found in state if found.type == ZONE_DNSSEC}
    listed = {zones.get(name, name): name for name in wanted}
    found = []
    for identifier, name in {**held, **listed}.items():
        known = identifier in names or identifier in held
        status = ask(identifier) if known else ""
        found.append(SignedZone(names.get(identifier, name), identifier, identifier in listed, status))
    return found


def refusals(zones: Sequence[SignedZone], settings: Settings, stack: str) -> Iterator[str]:
    """Why a deploy must not go on, a sentence each."""
    for zone in zones:
        if zone.wanted and not zone.status:
            yield f"dnssec: {zone.name} is the zone of none of the domains. Expected the name of one of their zones"
        elif not zone.wanted and zone.status == ACTIVE:
            yield (
                f"dnssec: the parent of {zone.name} has a DS record, so without signatures all that stands in the zone "
                "would be wrong for everybody who validates. Leave it in dnssec, have the registrar take the DS record "
                "away, wait until its TTL is over (a day, say), and then take the zone out of dnssec"
            )
        elif not zone.wanted and settings.protects("records"):
            path = f"unprotected[{len(settings.unprotected)}]"
            yield (
                f"dnssec: {zone.name} would not be signed any more, and that is protected. If that is meant, put it "
                "back, lift the protection of the records and deploy that; then take it out again:\n"
                f"  pulumi config set --path '{path}' records --stack {stack}\n"
                f"  pulumi up --stack {stack}"
            )
