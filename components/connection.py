"""How the program reaches the server: SSH with the administrator's key, checking the host key it gave the server."""

import os
import shlex
import tempfile
from pathlib import Path

import pulumi
from pulumi_command import local, remote
from pydantic import SecretStr

from model.backup import BOX_PORT, Backup
from model.settings import Settings

USER = "root"
SSH_FILES = Path(".state/ssh")


def connection(settings: Settings, ipv4: pulumi.Input[str], *, key: SecretStr | None = None) -> remote.ConnectionArgs:
    """Connection for a remote command; `key` is another private key than the one that is configured.

    It is dialled until the command's own deadline: a server that starts again, after a change of its type say, takes
    its time, and a number of attempts is used up in seconds where each is refused at once.
    """
    return remote.ConnectionArgs(
        host=ipv4,
        user=USER,
        private_key=pulumi.Output.secret((key or settings.ssh_private_key).get_secret_value()),
        host_key=settings.ssh_host_public_key,
        dial_error_limit=-1,
        per_dial_timeout=15,
    )


def to_storage_box(
    settings: Settings, backup: Backup, ipv4: pulumi.Input[str], user: pulumi.Input[str], host: pulumi.Input[str]
) -> remote.ConnectionArgs:
    """Connection to the operator's account of the Storage Box, through the server, which hands on what it cannot read.

    Only servers at Hetzner reach the box, and the operator's key never comes to one.
    """
    if settings.backup_key is None:
        raise ValueError("the Storage Box is reached with the operator's key, and there is none")
    through = connection(settings, ipv4)
    return remote.ConnectionArgs(
        host=host,
        port=BOX_PORT,
        user=user,
        private_key=pulumi.Output.secret(settings.backup_key.get_secret_value()),
        host_key=backup.known_host_key,
        proxy=remote.ProxyConnectionArgs(
            host=through.host,
            user=through.user,
            private_key=through.private_key,
            host_key=through.host_key,
            dial_error_limit=through.dial_error_limit,
            per_dial_timeout=through.per_dial_timeout,
        ),
        dial_error_limit=-1,
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
    folder.chmod(0o700)
    identity, known_hosts = folder / "identity", folder / "known_hosts"
    _write(identity, settings.ssh_private_key.get_secret_value())
    _write(known_hosts, f"{settings.mail_host} {settings.ssh_host_public_key}\n")
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


def ssh_files_end(name: str, stack: str, opts: pulumi.ResourceOptions) -> local.Command:
    """A resource that removes a stack's SSH files when it is destroyed itself.

    It does so in a destroy that runs no program, too. What uses the files must depend on it, so that they go last.
    """
    folder = (SSH_FILES / stack).as_posix()
    # Under another name of the stack there are other files: then this is replaced, and the old ones go.
    return local.Command(name, delete=f"rm -rf -- {shlex.quote(folder)}", triggers=[folder], opts=opts)


def _write(file: Path, text: str) -> None:
    """Put a file in place at once, readable by its owner only whatever an earlier one was."""
    descriptor, made = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w") as new:
        new.write(text)
    Path(made).replace(file)
