"""What stands in a Hetzner project before anything is made or changed, and what of it is the stack's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from model.addresses import ipv6_host
from model.labels import POSTE, REVISION
from model.settings import Settings
from model.ssh_keys import key_mark


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


class StorageBox(Thing, Protocol):
    """A Storage Box."""

    @property
    def location(self) -> str: ...


class Key(Thing, Protocol):
    """An SSH key."""

    @property
    def public_key(self) -> str: ...


@dataclass(frozen=True)
class Survey:
    """What the Hetzner project holds.

    What is this stack's is told by its state, whatever somebody has done to the labels, or by the labels, where the
    state does not know it.
    """

    labels: Mapping[str, str]
    known: Collection[tuple[str, str]]
    """The last part of the type's token, and the identifier, of what the state has."""
    servers: Sequence[Server] = field(default=())
    volumes: Sequence[Volume] = field(default=())
    primary_ips: Sequence[Address] = field(default=())
    ssh_keys: Sequence[Key] = field(default=())
    firewalls: Sequence[Thing] = field(default=())
    storage_boxes: Sequence[StorageBox] = field(default=())
    """None are looked for where the stack wants none."""

    @property
    def server(self) -> Server | None:
        """The stack's server."""
        return next((found for found in self.servers if self.has_made("Server", found)), None)

    @property
    def volume(self) -> Volume | None:
        """The stack's volume."""
        return next((found for found in self.volumes if self.has_made("Volume", found)), None)

    @property
    def storage_box(self) -> StorageBox | None:
        """The stack's Storage Box."""
        return next((found for found in self.storage_boxes if self.has_made("StorageBox", found)), None)

    @property
    def login_key(self) -> Key | None:
        """The SSH key that the stack made."""
        return next((found for found in self.ssh_keys if self.has_made("SshKey", found)), None)

    @property
    def addresses(self) -> list[str]:
        """The stack's own addresses, as the server has them."""
        ours = [found.ip_address for found in self.primary_ips if self.has_made("PrimaryIp", found)]
        return [ipv6_host(address) if ":" in address else address for address in ours]

    @property
    def locations(self) -> set[str]:
        """Where the stack's server, volume and addresses are."""
        placed: dict[str, Sequence[Server | Volume | Address]] = {
            "Server": self.servers,
            "Volume": self.volumes,
            "PrimaryIp": self.primary_ips,
        }
        ours = (found for kind, things in placed.items() for found in things if self.has_made(kind, found))
        return {found.location for found in ours if found.location}

    @property
    def lost(self) -> Iterator[tuple[str, Thing]]:
        """What the stack made by its labels, and the state does not know, each with the word for its kind."""
        kinds: dict[str, tuple[str, Sequence[Thing]]] = {
            "server": ("Server", self.servers),
            "volume": ("Volume", self.volumes),
            "primary IP": ("PrimaryIp", self.primary_ips),
            "SSH key": ("SshKey", self.ssh_keys),
            "firewall": ("Firewall", self.firewalls),
            "Storage Box": ("StorageBox", self.storage_boxes),
        }
        for word, (kind, things) in kinds.items():
            yield from ((word, thing) for thing in things if self._labelled(thing) and not self._knows(kind, thing))

    @property
    def poste_version(self) -> str:
        """The version of Poste that was up last, and has brought the databases on the volume to its form."""
        ours = (found.labels or {} for found in self.firewalls if self.has_made("Firewall", found))
        return next((labels[POSTE] for labels in ours if POSTE in labels), "")

    def foreign_key(self, public_key: str) -> Key | None:
        """The same public key, in the project already under somebody else's name. Hetzner takes each key once."""
        same = (found for found in self.ssh_keys if key_mark(found.public_key) == key_mark(public_key))
        return next((found for found in same if not self.has_made("SshKey", found)), None)

    def renews_server(self, settings: Settings) -> bool:
        """Whether the settings ask for another server than the one that runs."""
        return self.server is not None and label(self.server, REVISION, "0") != str(settings.server_revision)

    def has_made(self, kind: str, thing: Thing) -> bool:
        """Whether a thing is the stack's; `kind` is the last part of its type's token."""
        return self._knows(kind, thing) or self._labelled(thing)

    def _knows(self, kind: str, thing: Thing) -> bool:
        return (kind, str(thing.id)) in self.known

    def _labelled(self, thing: Thing) -> bool:
        return all((thing.labels or {}).get(name) == value for name, value in self.labels.items())


def label(thing: Thing, name: str, default: str = "") -> str:
    """A label's value."""
    return (thing.labels or {}).get(name, default)
