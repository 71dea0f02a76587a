"""The services of the VPS, by the names systemd knows them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Command = Sequence[str]


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
    enabled: bool = True  # in a fresh image


DOCKERD = (
    "/usr/sbin/dockerd",
    "--registry-mirror=http://198.51.100.53",  # the sandbox's internet has a stand-in for Docker Hub
    f"--cgroup-parent={os.environ.get('CGROUP_PARENT', '')}",  # so that the server's limits hold for its containers
    "--log-level=warn",
)
LOAD_RULES = ("/usr/sbin/nft", "-f", "/etc/nftables.conf")
FLUSH_RULES = ("/usr/sbin/nft", "flush", "ruleset")

_UNITS = (
    Unit("nftables", "nftables", start=LOAD_RULES, stop=FLUSH_RULES, enabled=False),
    Unit("ssh", "OpenBSD Secure Shell server", daemon=("/usr/sbin/sshd", "-D"), check=("/usr/sbin/sshd", "-t")),
    Unit(
        "docker",
        "Docker Application Container Engine",
        daemon=DOCKERD,
        ready=("/usr/bin/docker", "info"),
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
    """The unit of that name, with or without `.service`; None when there is none."""
    plain = name.removesuffix(".service")
    return UNITS.get(ALIASES.get(plain, plain))
