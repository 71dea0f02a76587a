"""The operator's way to the repository, who may delete in it: with restic on this machine.

A Storage Box is reached through the mail server, which hands on what it cannot read; its key stays here.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.backup import BOX_PORT, REPOSITORY_IN_BOX, SERVERS_FOLDER, Backup
from operate import ssh_client
from operate.backup import backup_of
from operate.errors import ServerError, StackError
from operate.verify.stack import Stack

MISSING = "restic is not on PATH. Install it (on Debian and Ubuntu: apt-get install restic; https://restic.net)"
BOX = """\
Host box
  HostName {host}
  Port {port}
  User {owner}
  IdentityFile {key}
  ProxyJump {server}
"""


@dataclass(frozen=True)
class Repository:
    """A repository with what restic needs to reach it."""

    options: Sequence[str]
    environment: Mapping[str, str]

    def ask(self, *arguments: str) -> Any:
        """What restic answers, which is JSON. Raises ServerError."""
        done = self._run([*arguments, "--json"], capture_output=True)
        if done.returncode != 0:
            raise ServerError(f"restic {arguments[0]}: {done.stderr.strip()[-1000:]}")
        return json.loads(done.stdout)

    def tell(self, *arguments: str) -> None:
        """Have restic do something in sight of the person. Raises ServerError."""
        if self._run(list(arguments)).returncode != 0:
            raise ServerError(f"restic {arguments[0]} failed; it has said why")

    def _run(self, arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["restic", *self.options, *arguments], env=self.environment, text=True, check=False, **options
        )


@contextmanager
def repository(stack: Stack, account: Mapping[str, str]) -> Iterator[Repository]:
    """The repository as its owner has it; raises StackError where there is none, or no restic.

    `account` is the operator's account in the Storage Box, as the deploy put it out. Keys lie in files of this user
    alone, for as long as that takes.
    """
    settings = stack.settings
    backup, passphrase = backup_of(stack), settings.backup_passphrase
    if passphrase is None:
        raise StackError("backupPassphrase is missing")
    if shutil.which("restic") is None:
        raise StackError(MISSING)
    secrets = {"RESTIC_PASSWORD": passphrase.get_secret_value()}
    if backup.storage_box:
        with ssh_client.folder_for_a_while() as folder:
            config = _write_ssh_files(folder, stack, backup, account)
            options = [
                "--repo",
                f"sftp:box:{SERVERS_FOLDER}/{REPOSITORY_IN_BOX}",
                "-o",
                f"sftp.command=ssh -F {config} box -s sftp",
            ]
            yield Repository(options, os.environ | secrets)
        return
    for name, value in (settings.backup_owner_environment or settings.backup_environment).items():
        secrets[name] = value.get_secret_value()
    yield Repository(["--repo", backup.repository or ""], os.environ | secrets)


def _write_ssh_files(folder: Path, stack: Stack, backup: Backup, account: Mapping[str, str]) -> Path:
    settings = stack.settings
    if settings.backup_key is None:
        raise StackError("backupKey is missing")
    key = folder / "key"
    ssh_client.write_key(key, settings.backup_key.get_secret_value())
    config = ssh_client.write_files(folder, stack)
    with (folder / "known_hosts").open("a") as known_hosts:
        known_hosts.write(f"[{account['host']}]:{BOX_PORT} {backup.known_host_key}\n")
    with config.open("a") as hosts:
        hosts.write(
            BOX.format(host=account["host"], port=BOX_PORT, owner=account["user"], key=key, server=ssh_client.SERVER)
        )
    return config
