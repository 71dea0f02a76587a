"""The resources of one Hetzner Cloud project, and the books that hold them."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Network
from typing import Any

from offline.sandbox.datacentre.catalogue import Image, Location, ServerType, StorageBoxType
from offline.sandbox.datacentre.labels import parse_selector
from offline.sandbox.world import BOX_DOMAIN, IPV6_NETWORK

FIRST_IPV4 = IPv4Address("198.51.100.128")
LAST_IPV4 = IPv4Address("198.51.100.254")
IPV6_POOL = IPv6Network(IPV6_NETWORK)
FIRST_IPV6_SUBNET = 0x100


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(kw_only=True)
class Resource:
    id: int
    name: str
    labels: dict[str, str]
    created: str = field(default_factory=now)


@dataclass(kw_only=True)
class Protectable(Resource):
    """Can't be deleted while it is protected."""

    delete_protection: bool = False


@dataclass(kw_only=True)
class SshKey(Resource):
    public_key: str
    fingerprint: str


@dataclass(kw_only=True)
class PrimaryIp(Protectable):
    """`ip` is an address for `ipv4` and a /64 for `ipv6`; `pointers` are the PTR names set, by address."""

    type: str
    ip: str
    location: Location
    auto_delete: bool
    server: int | None = None
    pointers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Server(Protectable):
    type: ServerType
    image: Image
    location: Location
    disk_gb: int
    user_data: str
    ssh_keys: list[str]
    status: str = "initializing"
    ipv4: int | None = None
    ipv6: int | None = None
    rebuild_protection: bool = False


@dataclass(kw_only=True)
class Volume(Protectable):
    size_gb: int
    location: Location
    format: str | None
    server: int | None = None
    status: str = "creating"

    @property
    def linux_device(self) -> str:
        return f"/dev/disk/by-id/scsi-0HC_Volume_{self.id}"


@dataclass(frozen=True)
class Rule:
    """One firewall rule; `peers` are the sources of an `in` rule, the destinations of an `out` rule."""

    direction: str
    protocol: str
    port: str | None
    peers: tuple[str, ...]
    description: str | None = None


@dataclass(kw_only=True)
class Firewall(Resource):
    rules: list[Rule] = field(default_factory=list)
    selectors: list[str] = field(default_factory=list)

    def selects(self, selector: str, server: Server) -> bool:
        return parse_selector(selector)(server.labels)

    def covers(self, server: Server) -> bool:
        """Whether the server is behind this firewall."""
        return any(self.selects(selector, server) for selector in self.selectors)


@dataclass(kw_only=True)
class StorageBox(Protectable):
    """`access` and `plan` are as the API writes them; `used` is bytes of files and of snapshots when last looked at."""

    type: StorageBoxType
    location: Location
    password: str
    ssh_keys: list[str]
    access: dict[str, bool]
    status: str = "initializing"
    plan: dict[str, Any] | None = None
    subaccounts_made: int = 0
    used: tuple[int, int] = (0, 0)

    @property
    def username(self) -> str:
        return f"u{self.id}"

    @property
    def server(self) -> str:
        return f"{self.username}.{BOX_DOMAIN}"


@dataclass(kw_only=True)
class BoxPart(Resource):
    """Goes with its box."""

    box: StorageBox


@dataclass(kw_only=True)
class Subaccount(BoxPart):
    """`number` counts the subaccounts of the box, those that are gone among them."""

    number: int
    home: str
    password: str
    access: dict[str, bool]
    description: str

    @property
    def username(self) -> str:
        return f"{self.box.username}-sub{self.number}"

    @property
    def server(self) -> str:
        return f"{self.username}.{BOX_DOMAIN}"


@dataclass(kw_only=True)
class BoxSnapshot(BoxPart):
    """Its name is the time it was made at, which none can change."""

    description: str
    size: int = 0


@dataclass
class Project:
    """Everything that exists, by kind and id. Ids are unique over all kinds."""

    ssh_key: dict[int, SshKey] = field(default_factory=dict)
    primary_ip: dict[int, PrimaryIp] = field(default_factory=dict)
    server: dict[int, Server] = field(default_factory=dict)
    volume: dict[int, Volume] = field(default_factory=dict)
    firewall: dict[int, Firewall] = field(default_factory=dict)
    storage_box: dict[int, StorageBox] = field(default_factory=dict)
    subaccount: dict[int, Subaccount] = field(default_factory=dict)
    snapshot: dict[int, BoxSnapshot] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(10_000_001))
    _ipv4: "itertools.cycle[int]" = field(
        default_factory=lambda: itertools.cycle(range(int(FIRST_IPV4), int(LAST_IPV4) + 1))
    )
    _subnets: "itertools.count[int]" = field(default_factory=lambda: itertools.count(FIRST_IPV6_SUBNET))

    def new_id(self) -> int:
        return next(self._ids)

    def new_address(self, ip_type: str) -> str | None:
        """A free address, in turn so that one given back is not handed out at once; None when all are taken."""
        if ip_type == "ipv6":
            return str(IPv6Network((int(IPV6_POOL.network_address) | next(self._subnets) << 64, 64)))
        taken = {entry.ip for entry in self.primary_ip.values()}
        for _ in range(int(LAST_IPV4) - int(FIRST_IPV4) + 1):
            address = str(IPv4Address(next(self._ipv4)))
            if address not in taken:
                return address
        return None

    def firewalls_of(self, server: Server) -> list[Firewall]:
        return [firewall for firewall in self.firewall.values() if firewall.covers(server)]

    def volumes_of(self, server: Server) -> list[Volume]:
        return [volume for volume in self.volume.values() if volume.server == server.id]
