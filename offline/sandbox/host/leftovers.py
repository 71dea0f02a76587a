"""What containers would leave behind: the servers' disks in the image store's volume, and empty control groups."""

import os

from offline.sandbox.datacentre.machines import cgroups
from offline.sandbox.host.deliveries import INNER_DOCKER
from offline.sandbox.host.shell import HostError, run


def servers() -> list[str]:
    """A line per server of the data centre; none when it does not run."""
    try:
        return run(*INNER_DOCKER, "ps", "--all", "--format", "{{.Names}} {{.Status}}").splitlines()
    except HostError:
        return []


def remove_servers() -> None:
    names = [line.split()[0] for line in servers()]
    if names:
        run(*INNER_DOCKER, "rm", "--force", "--volumes", *names)


def remove_control_groups() -> None:
    """Only root may; without it they stay, empty, until the data centre's next start removes them."""
    if os.geteuid() == 0:
        cgroups.remove()
