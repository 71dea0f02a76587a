"""Debian's services that can run on the VPS, by the names systemd knows them, each there when its package is installed.

The other units are those that somebody wrote into /etc/systemd/system; see `written`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.sandbox.world import AUTHORITATIVE

Command = Sequence[str]

UNIT_FILES = Path("/usr/lib/systemd/system")
"""Where packages put their unit files."""

SYSTEM = Path("/etc/systemd/system")
"""Where administrators and programs put theirs, and where links say what is enabled."""


@dataclass(frozen=True)
class Unit:
    """A daemon that is kept running (`daemon`), or a state that `start` brings about and `stop` ends.

    `ready` succeeds once the daemon serves; `check` must succeed before it is started.
    """

    name: str
    description: str
    daemon: Command | None = None
    start: Command | None = None
    stop: Command | None = None
    check: Command | None = None
    ready: Command | None = None
    stop_seconds: float = 10

    @property
    def file(self) -> Path:
        """Its unit file, which is there when its package is installed."""
        return UNIT_FILES / (self.name if "." in self.name else f"{self.name}.service")


# Docker's client answers only where its package is installed too, the engine without it.
PING = """\
import http.client, socket
connection = http.client.HTTPConnection("docker")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/docker.sock")
connection.request("GET", "/_ping")
raise SystemExit(connection.getresponse().status != 200)
"""

DOCKERD = (
    "/usr/sbin/dockerd",
    f"--registry-mirror=http://{AUTHORITATIVE.ipv4}",  # the sandbox's internet has a stand-in for Docker Hub
    f"--cgroup-parent={os.environ.get('CGROUP_PARENT', '')}",  # so that the server's limits hold for its containers
    "--log-level=warn",
)
LOAD_RULES = ("/usr/sbin/nft", "-f", "/etc/nftables.conf")
FLUSH_RULES = ("/usr/sbin/nft", "flush", "ruleset")

_UNITS = (
    Unit("nftables", "nftables", start=LOAD_RULES, stop=FLUSH_RULES),
    Unit("ssh", "OpenBSD Secure Shell server", daemon=("/usr/sbin/sshd", "-D"), check=("/usr/sbin/sshd", "-t")),
    Unit("containerd", "containerd container runtime"),  # Docker's engine starts one of its own here
    Unit(
        "docker",
        "Docker Application Container Engine",
        daemon=DOCKERD,
        ready=("/usr/bin/python3", "-I", "-c", PING),
        stop_seconds=60,
    ),
    Unit("cron", "Regular background program processing daemon", daemon=("/usr/sbin/cron", "-f")),
    Unit("unattended-upgrades", "Unattended Upgrades Shutdown"),
    Unit("apt-daily.timer", "Daily apt download activities"),
    Unit("apt-daily-upgrade.timer", "Daily apt upgrade and clean activities"),
    Unit("fstrim.timer", "Discard unused filesystem blocks once a week"),
)
UNITS: Mapping[str, Unit] = {unit.name: unit for unit in _UNITS}

ALIASES = {"sshd": "ssh", "crond": "cron", "docker.socket": "docker", "ssh.socket": "ssh"}


def find(name: str) -> Unit | None:
    """The unit of that name, with or without `.service`; None when there is none, or its package is not installed."""
    plain = name.removesuffix(".service")
    unit = UNITS.get(ALIASES.get(plain, plain))
    return unit if unit is not None and unit.file.exists() else None


def written(name: str) -> Path | None:
    """The file of a service or timer that somebody wrote, by its full name; None when there is none."""
    file = SYSTEM / name
    return file if name.endswith((".service", ".timer")) and file.is_file() and not file.is_symlink() else None
