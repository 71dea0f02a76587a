"""What stands at Hetzner before anything is made or changed.

Looked at once, at the start of the program, so that what cannot be done is refused in the preview, in words and before
the first step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pulumi
import pulumi_hcloud as hcloud

from components.addresses import ipv6_host
from components.questions import ask
from components.settings import Settings

HOST_KEY, REVISION, POSTE = "host-key", "revision", "poste"
"""Further labels: of the server, with which host key and at which revision it was made; of the mail firewall, which
version of Poste was up when it was last changed."""


class Thing(Protocol):
    """What all that Hetzner tells of has."""

    @property
    def id(self) -> int | None: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str] | None: ...


class Server(Thing, Protocol):
    """A server."""

    @property
    def location(self) -> str: ...
    @property
    def server_type(self) -> str: ...
    @property
    def delete_protection(self) -> bool: ...


class Volume(Thing, Protocol):
    """A volume."""

    @property
    def location(self) -> str | None: ...
    @property
    def size(self) -> int: ...


class Address(Thing, Protocol):
    """A primary IP."""

    @property
    def location(self) -> str: ...
    @property
    def ip_address(self) -> str: ...


class Key(Thing, Protocol):
    """An SSH key."""

    @property
    def public_key(self) -> str: ...


@dataclass(frozen=True)
class Survey:
    """What the Hetzner project holds. `labels` are those that mark what is this stack's."""

    labels: Mapping[str, str]
    servers: Sequence[Server] = field(default=())
    volumes: Sequence[Volume] = field(default=())
    primary_ips: Sequence[Address] = field(default=())
    ssh_keys: Sequence[Key] = field(default=())
    firewalls: Sequence[Thing] = field(default=())

    @property
    def server(self) -> Server | None:
        """The stack's server."""
        return next((found for found in self.servers if self.has_made(found)), None)

    @property
    def volume(self) -> Volume | None:
        """The stack's volume."""
        return next((found for found in self.volumes if self.has_made(found)), None)

    @property
    def login_key(self) -> Key | None:
        """The SSH key that the stack made."""
        return next((found for found in self.ssh_keys if self.has_made(found)), None)

    @property
    def addresses(self) -> list[str]:
        """The stack's own addresses, as the server has them."""
        ours = [found.ip_address for found in self.primary_ips if self.has_made(found)]
        return [ipv6_host(address) if ":" in address else address for address in ours]

    @property
    def locations(self) -> set[str]:
        """Where the stack's server, volume and addresses are."""
        things: tuple[Server | Volume | Address, ...] = (*self.servers, *self.volumes, *self.primary_ips)
        return {found.location for found in things if self.has_made(found) and found.location}

    @property
    def made(self) -> Iterator[tuple[str, Thing]]:
        """What the stack made, each with the word for its kind."""
        kinds: dict[str, Sequence[Thing]] = {
            "server": self.servers,
            "volume": self.volumes,
            "primary IP": self.primary_ips,
            "SSH key": self.ssh_keys,
            "firewall": self.firewalls,
        }
        for kind, things in kinds.items():
            yield from ((kind, thing) for thing in things if self.has_made(thing))

    @property
    def poste_version(self) -> str:
        """The version of Poste that was up last, and has brought the databases on the volume to its form."""
        ours = (found.labels or {} for found in self.firewalls if self.has_made(found))
        return next((labels[POSTE] for labels in ours if POSTE in labels), "")

    def foreign_key(self, public_key: str) -> Key | None:
        """The same public key, in the project already under somebody else's name. Hetzner takes each key once."""
        same = (found for found in self.ssh_keys if found.public_key.split()[:2] == public_key.split()[:2])
        return next((found for found in same if not self.has_made(found)), None)

    def renews_server(self, settings: Settings) -> bool:
        """Whether the settings ask for another server than the one that runs."""
        return self.server is not None and label(self.server, REVISION, "0") != str(settings.server_revision)

    def has_made(self, thing: Thing) -> bool:
        """Whether the stack made it."""
        return all((thing.labels or {}).get(name) == value for name, value in self.labels.items())


def label(thing: Thing, name: str, default: str = "") -> str:
    """A label's value."""
    return (thing.labels or {}).get(name, default)


def look(labels: Mapping[str, str], provider: hcloud.Provider) -> Survey:
    """Ask Hetzner what there is in the project."""
    options = pulumi.InvokeOptions(provider=provider)
    about = "Hetzner does not answer with the project's resources (is hcloud:token right?)"
    return Survey(
        labels=labels,
        servers=ask(about, lambda: hcloud.get_servers(opts=options)).servers or (),
        volumes=ask(about, lambda: hcloud.get_volumes(opts=options)).volumes,
        primary_ips=ask(about, lambda: hcloud.get_primary_ips(opts=options)).primary_ips,
        ssh_keys=ask(about, lambda: hcloud.get_ssh_keys(opts=options)).ssh_keys,
        firewalls=ask(about, lambda: hcloud.get_firewalls(opts=options)).firewalls or (),
    )
