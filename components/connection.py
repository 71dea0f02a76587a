"""How the program reaches the server: SSH with the administrator's key, checking the host key it gave the server."""

from pathlib import Path

import pulumi
from pulumi_command import remote

from components.settings import Settings

USER = "root"
SSH_FILES = Path(".state/ssh")


def connection(settings: Settings, ipv4: pulumi.Input[str], *, patient: bool = False) -> remote.ConnectionArgs:
    """Connection for a remote command; `patient` keeps dialling until the command's own deadline."""
    return remote.ConnectionArgs(
        host=ipv4,
        user=USER,
        private_key=pulumi.Output.secret(settings.ssh_private_key.get_secret_value()),
        host_key=settings.ssh_host_public_key,
        dial_error_limit=-1 if patient else 10,
        per_dial_timeout=15,
    )


def write_ssh_files(settings: Settings, stack: str) -> list[str]:
    """Options for the `ssh` that the Docker provider starts, which takes keys from files only.

    The private key (readable by its owner only) and known_hosts are written below .state/ssh/<stack> in the project's
    folder, where Pulumi runs program and providers; relative paths read the same on every machine. The server is known
    by its name, not by its address, so nothing has to wait for the address.
    """
    folder = SSH_FILES / stack
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity, known_hosts = folder / "identity", folder / "known_hosts"
    identity.touch(mode=0o600)
    identity.write_text(settings.ssh_private_key.get_secret_value())
    known_hosts.write_text(f"{settings.mail_host} {settings.ssh_host_public_key}\n")
    options = {
        "IdentityFile": identity,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": settings.mail_host,
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": "15",
    }
    return [part for option, value in options.items() for part in ("-o", f"{option}={value}")]
