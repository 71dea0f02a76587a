"""What the books ask of the machinery below: machines, disks, packet filter, reverse DNS and Storage Boxes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from offline.sandbox.datacentre.model import Rule


@dataclass(frozen=True)
class Machine:
    """A server as the hypervisor sees it; memory in GB, `ipv6` a /64 of which the machine's first address is ::1."""

    server: int
    name: str
    location: str
    cores: int
    memory: float
    ipv4: str | None
    ipv6: str | None
    user_data: str
    ssh_keys: Sequence[str]
    volumes: Sequence[int]


@dataclass(frozen=True)
class Filter:
    """The packets a server may get and send: the union of its firewalls' rules; None where nothing is restricted."""

    inbound: Sequence[Rule] | None
    outbound: Sequence[Rule] | None


@dataclass(frozen=True)
class BoxAccount:
    """An account of a Storage Box; the main one is called like the box, a subaccount's `home` is below the main one's.

    `keys` are for `authorized_keys` when the account is made; `snapshots` is whether they are seen as a folder.
    """

    name: str
    box: str
    home: str
    password: str
    keys: Sequence[str]
    ssh: bool
    external: bool
    readonly: bool
    snapshots: bool


class BoxStore(Protocol):
    """The Storage Boxes. Every method returns when it is so, and raises when it can't be."""

    async def put(self, account: BoxAccount) -> None:
        """Make an account, or make it so; with a main account comes its box."""

    async def remove(self, account: str) -> None:
        """Remove an account, whose files stay; with a main account goes its box."""

    async def usage(self, box: str) -> tuple[int, int]:
        """Bytes that the files take, and the snapshots."""

    async def folders(self, box: str, path: str) -> list[str]:
        """The names of the folders in one of a box's; raises LookupError."""

    async def take_snapshot(self, box: str, name: str) -> None: ...

    async def remove_snapshot(self, box: str, name: str) -> None: ...

    async def roll_back(self, box: str, name: str) -> None:
        """Put the files back as they were in a snapshot."""


class Hypervisor(Protocol):
    """Every method returns when it is so, and raises when it can't be; `on_halt` is called when a machine goes off."""

    on_halt: Callable[[int], None]

    @property
    def boxes(self) -> BoxStore:
        """Where the Storage Boxes are."""

    async def create(self, machine: Machine) -> None:
        """Make the machine from the image, switched off."""

    async def start(self, machine: Machine) -> None:
        """Switch it on, with these addresses and volumes."""

    async def shut_down(self, server: int) -> None:
        """Press the power button: the system stops by itself, later."""

    async def power_off(self, server: int) -> None:
        """Pull the plug."""

    async def reboot(self, machine: Machine) -> None:
        """Stop the system as `shut_down` does, then switch it on again."""

    async def destroy(self, server: int) -> None: ...

    async def create_disk(self, volume: int, size_gb: int, filesystem: str | None) -> None: ...

    async def resize_disk(self, volume: int, size_gb: int) -> None: ...

    async def destroy_disk(self, volume: int) -> None: ...

    async def plug(self, volume: int, server: int) -> None:
        """Make the volume's block device appear in the running machine."""

    async def unplug(self, volume: int, server: int) -> None: ...

    async def filter(self, filters: Mapping[int, Filter]) -> None:
        """Replace the packet filter; the filters of all servers, by id."""

    async def point(self, address: str, name: str | None) -> None:
        """Set the PTR record of an address, or remove it."""
