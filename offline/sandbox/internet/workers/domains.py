"""A custom domain: a host name of a zone whose requests a script answers.

https://developers.cloudflare.com/workers/configuration/routing/custom-domains/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from offline.sandbox.internet.cloudflare.names import hostname
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.zones import Zone
from offline.sandbox.internet.workers import problems

FIELDS = ("environment", "hostname", "service", "zone_id", "zone_name")
"""Of a request's body, and what a list is filtered by."""
ENVIRONMENT = "production"
"""The only one there still is."""


@dataclass(frozen=True)
class Domain:
    """`hostname` leads to the script `service`."""

    hostname: str
    service: str
    zone: Zone

    @property
    def id(self) -> str:
        """The same for a name every time, so that a stack outlives a reset of the sandbox."""
        return hashlib.md5(f"domain {self.hostname}".encode(), usedforsecurity=False).hexdigest()

    def shown(self) -> Json:
        """The domain as the API shows it."""
        return {
            "id": self.id,
            "zone_id": self.zone.id,
            "zone_name": self.zone.name,
            "hostname": self.hostname,
            "service": self.service,
            "environment": ENVIRONMENT,
            "cert_id": hashlib.md5(f"certificate {self.hostname}".encode(), usedforsecurity=False).hexdigest(),
        }


def read_domain(body: Json, zones: list[Zone]) -> Domain:
    """Read a request's body; `zones` are the account's. Raises ApiError."""
    unknown = sorted(body.keys() - set(FIELDS))
    if unknown:
        raise problems.unsupported(", ".join(unknown))
    if body.get("environment", ENVIRONMENT) != ENVIRONMENT:
        raise problems.unsupported(f"environment {body['environment']!r}")
    try:
        name = hostname(str(body.get("hostname") or ""))
    except ValueError as error:
        raise problems.invalid(str(error)) from None
    zone = next((zone for zone in zones if _is_meant(zone, body, name)), None)
    if zone is None:
        raise problems.ZONE_NOT_FOUND
    if not f".{name}".endswith(f".{zone.name}"):
        raise problems.outside(name, zone.name)
    return Domain(name, str(body.get("service") or ""), zone)


def _is_meant(zone: Zone, body: Json, name: str) -> bool:
    """Whether the zone is the one that the body names or, if it names none, the one that the host name lies in."""
    if body.get("zone_id"):
        return bool(zone.id == body["zone_id"])
    return bool(zone.name == body["zone_name"] if body.get("zone_name") else f".{name}".endswith(f".{zone.name}"))
