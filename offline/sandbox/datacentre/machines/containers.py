"""The hypervisor: servers are containers of the VPS image, each with its own network, disks and Docker engine."""

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from offline.sandbox.datacentre.hypervisor import Filter, Machine
from offline.sandbox.datacentre.machines import cgroups, network, pointers
from offline.sandbox.datacentre.machines.boxes import Boxes
from offline.sandbox.datacentre.machines.disks import BYTES_PER_GB, Disks
from offline.sandbox.datacentre.machines.meminfo import meminfo
from offline.sandbox.datacentre.machines.packet_filter import ruleset
from offline.sandbox.datacentre.machines.seed import FOLDER, seed_files
from offline.sandbox.datacentre.machines.shell import attempt, run

log = logging.getLogger(__name__)

IMAGE = "poste-mail-sandbox/vps:latest"
MEMINFO = Path("/var/lib/datacentre/meminfo")
REBOOT = 64  # exit status with which the VPS's init asks for a restart


def container_name(server: int) -> str:
    return f"server-{server}"


class ContainerHypervisor:
    """Runs in the data-centre container, next to the engine whose containers are the servers."""

    def __init__(self) -> None:
        self.on_halt: Callable[[int], None] = lambda _server: None
        self.boxes = Boxes()
        self.ssh_delay = 0.0
        self.outbound_mail = False
        self._disks = Disks()
        self._running: dict[int, Machine] = {}  # as it is now, with the volumes plugged in since
        self._watchers: dict[int, asyncio.Task[None]] = {}
        self._restarted: dict[int, asyncio.Event] = {}
        MEMINFO.mkdir(parents=True, exist_ok=True)

    async def create(self, machine: Machine) -> None:
        (MEMINFO / str(machine.server)).write_text(meminfo(machine.memory))
        await run(
            *("docker", "create", "--name", container_name(machine.server), "--hostname", machine.name.split(".")[0]),
            *("--network", "none", "--cgroupns", "host", "--cgroup-parent", cgroups.path_of(machine.server)),
            *("--env", f"CGROUP_PARENT={cgroups.path_of(machine.server)}"),
            *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--device-cgroup-rule", "b 7:* rwm"),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0"),
            *("--tmpfs", "/run", "--tmpfs", "/tmp:exec,mode=1777"),  # noqa: S108 - the server's own, as Debian 13 has it
            *("--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--volume", "/var/lib/docker"),
            *("--volume", f"{MEMINFO / str(machine.server)}:/proc/meminfo:ro"),
            IMAGE,
        )

    async def start(self, machine: Machine) -> None:
        name = container_name(machine.server)
        (MEMINFO / str(machine.server)).write_text(meminfo(machine.memory))
        await run("docker", "start", name)
        cgroups.limit(machine.server, int(machine.memory * BYTES_PER_GB), machine.cores)
        pid = await _pid(machine.server)
        await network.plug(machine, pid)
        root = Path(f"/proc/{pid}/root")
        seed = root / FOLDER
        seed.mkdir(parents=True, exist_ok=True)
        for file_name, text in seed_files(machine).items():
            (seed / file_name).write_text(text)
            (seed / file_name).chmod(0o600)
        for volume in machine.volumes:
            _add_device(root, volume, self._disks.device(volume))
        if self.ssh_delay:
            (root / "run/boot-delay").write_text(str(self.ssh_delay))
        (root / "run/plugged").touch()
        self._running[machine.server] = machine
        self._watchers[machine.server] = asyncio.create_task(self._watch(machine.server))

    def machine_at(self, address: str) -> Machine | None:
        """The running machine of an IPv4 address."""
        return next((machine for machine in self._running.values() if machine.ipv4 == address), None)

    async def _watch(self, server: int) -> None:
        """Wait for the end of a running server; start it again when it wanted a reboot."""
        status = int(await run("docker", "wait", container_name(server)))
        machine = self._running.pop(server)
        await network.unplug(machine)
        if status == REBOOT:
            try:
                await self.start(machine)
            except Exception:  # nobody waits for this task: the log is where to look
                log.exception("server %d did not restart", server)
            if event := self._restarted.pop(server, None):
                event.set()
        else:
            self.on_halt(server)

    async def shut_down(self, server: int) -> None:
        await attempt("docker", "kill", "--signal", "TERM", container_name(server))

    async def reboot(self, machine: Machine) -> None:
        self._running[machine.server] = machine
        restarted = self._restarted[machine.server] = asyncio.Event()
        await run("docker", "kill", "--signal", "INT", container_name(machine.server))
        await restarted.wait()

    async def power_off(self, server: int) -> None:
        if await attempt("docker", "kill", container_name(server)):
            await self._watchers[server]

    async def destroy(self, server: int) -> None:
        await run("docker", "rm", "--force", "--volumes", container_name(server))
        if server in self._watchers:
            with contextlib.suppress(Exception):
                await self._watchers.pop(server)
        (MEMINFO / str(server)).unlink(missing_ok=True)
        cgroups.remove(server)

    async def create_disk(self, volume: int, size_gb: int, filesystem: str | None) -> None:
        await self._disks.create(volume, size_gb, filesystem)

    async def resize_disk(self, volume: int, size_gb: int) -> None:
        self._disks.resize(volume, size_gb)

    async def destroy_disk(self, volume: int) -> None:
        self._disks.destroy(volume)

    async def plug(self, volume: int, server: int) -> None:
        _add_device(Path(f"/proc/{await _pid(server)}/root"), volume, self._disks.device(volume))
        machine = self._running[server]
        self._running[server] = replace(machine, volumes=(*machine.volumes, volume))

    async def unplug(self, volume: int, server: int) -> None:
        """Pull a disk out; what the server still has mounted from it is gone from its tree."""
        pid = await _pid(server)
        device = self._disks.device(volume)
        for folder in _mount_points(pid, device):
            await attempt("docker", "exec", container_name(server), "umount", "--lazy", folder)
        link = _by_id(Path(f"/proc/{pid}/root"), volume)
        (link.parent / link.readlink()).unlink(missing_ok=True)
        link.unlink(missing_ok=True)
        machine = self._running[server]
        self._running[server] = replace(machine, volumes=[other for other in machine.volumes if other != volume])

    async def filter(self, filters: Mapping[int, Filter]) -> None:
        await run("nft", "--file", "-", stdin=ruleset(filters, outbound_mail=self.outbound_mail))

    async def point(self, address: str, name: str | None) -> None:
        await pointers.point(address, name)


async def _pid(server: int) -> int:
    return int(await run("docker", "inspect", "--format", "{{.State.Pid}}", container_name(server)))


def _mount_points(pid: int, device: int) -> list[str]:
    """Where a process sees file systems of this device mounted; proc(5), "mountinfo"."""
    mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    return [fields[4] for fields in mounts if fields[2] == f"{os.major(device)}:{os.minor(device)}"]


def _by_id(root: Path, volume: int) -> Path:
    return root / "dev/disk/by-id" / f"scsi-0HC_Volume_{volume}"


def _add_device(root: Path, volume: int, device: int) -> None:
    """Make the node and the link that udev would make on a Hetzner server."""
    letter = next(letter for letter in "bcdefghijklmnopq" if not (root / f"dev/sd{letter}").exists())
    node = root / f"dev/sd{letter}"
    os.mknod(node, 0o660 | stat.S_IFBLK, device)
    link = _by_id(root, volume)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../sd{letter}")
