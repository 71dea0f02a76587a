"""What the books ask of the machinery below: machines, disks, packet filter and reverse DNS."""

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


class Hypervisor(Protocol):
    """Every method returns when it is so, and raises when it can't be; `on_halt` is called when a machine goes off."""

    on_halt: Callable[[int], None]

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
