"""A hypervisor on paper, which believes all it is told: the API alone, for work on clients without machines."""

from collections.abc import Callable, Mapping

from offline.sandbox.datacentre.hypervisor import BoxAccount, Filter, Machine


class PaperBoxes:
    """Accounts and snapshots by name; the files take no room."""

    def __init__(self) -> None:
        self.accounts: dict[str, BoxAccount] = {}
        self.snapshots: set[tuple[str, str]] = set()
        self.rolled_back: list[tuple[str, str]] = []

    async def put(self, account: BoxAccount) -> None:
        self.accounts[account.name] = account

    async def remove(self, account: str) -> None:
        self.accounts = {name: kept for name, kept in self.accounts.items() if account not in (name, kept.box)}

    async def usage(self, _box: str) -> tuple[int, int]:
        return 0, 0

    async def folders(self, box: str, path: str) -> list[str]:
        if path not in ("", ".", "/"):
            raise LookupError(path)
        homes = {account.home.partition("/")[0] for account in self.accounts.values() if account.box == box}
        return sorted(homes - {""})

    async def take_snapshot(self, box: str, name: str) -> None:
        self.snapshots.add((box, name))

    async def remove_snapshot(self, box: str, name: str) -> None:
        self.snapshots.remove((box, name))

    async def roll_back(self, box: str, name: str) -> None:
        self.rolled_back.append((box, name))


class PaperHypervisor:
    """Remembers what it was told last, for whoever wants to look."""

    def __init__(self) -> None:
        self.on_halt: Callable[[int], None] = lambda _server: None
        self.boxes = PaperBoxes()
        self.machines: dict[int, Machine] = {}
        self.running: set[int] = set()
        self.disks: dict[int, int] = {}
        self.plugged: dict[int, int] = {}
        self.filters: Mapping[int, Filter] = {}
        self.pointers: dict[str, str] = {}

    async def create(self, machine: Machine) -> None:
        self.machines[machine.server] = machine

    async def start(self, machine: Machine) -> None:
        self.machines[machine.server] = machine
        self.running.add(machine.server)
        self.plugged |= dict.fromkeys(machine.volumes, machine.server)

    async def shut_down(self, server: int) -> None:
        await self.power_off(server)

    async def power_off(self, server: int) -> None:
        if server in self.running:
            self.running.discard(server)
            self.on_halt(server)

    async def reboot(self, machine: Machine) -> None:
        await self.start(machine)

    async def destroy(self, server: int) -> None:
        self.running.discard(server)
        del self.machines[server]
        self.plugged = {volume: holder for volume, holder in self.plugged.items() if holder != server}

    async def create_disk(self, volume: int, size_gb: int, _filesystem: str | None) -> None:
        self.disks[volume] = size_gb

    async def resize_disk(self, volume: int, size_gb: int) -> None:
        self.disks[volume] = size_gb

    async def destroy_disk(self, volume: int) -> None:
        del self.disks[volume]

    async def plug(self, volume: int, server: int) -> None:
        self.plugged[volume] = server

    async def unplug(self, volume: int, _server: int) -> None:
        self.plugged.pop(volume, None)

    async def filter(self, filters: Mapping[int, Filter]) -> None:
        self.filters = filters

    async def point(self, address: str, name: str | None) -> None:
        if name is None:
            self.pointers.pop(address, None)
        else:
            self.pointers[address] = name
