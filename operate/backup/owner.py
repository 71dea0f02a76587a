"""The operator's way to the repository, who may delete in it: with restic on this machine.

A Storage Box is reached through the mail server, which hands on what it cannot read; its key stays here.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.backup import BOX_PORT, REPOSITORY_IN_BOX, SERVERS_FOLDER, Backup
from operate.backup import backup_of
from operate.errors import ServerError, StackError
from operate.verify.server_shell import USER
from operate.verify.stack import Stack

MISSING = "restic is not on PATH. Install it (on Debian and Ubuntu: apt-get install restic; https://restic.net)"
CONFIG = """\
Host *
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile /dev/null
  ConnectTimeout 15
  ServerAliveInterval 15
Host server
  HostName {ipv4}
  User {user}
  IdentityFile {login}
  HostKeyAlias {mail_host}
Host box
  HostName {host}
  Port {port}
  User {owner}
  IdentityFile {key}
  ProxyJump server
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
        with tempfile.TemporaryDirectory(prefix="poste-mail-") as folder:
            config = _write_ssh_files(Path(folder), stack, backup, account)
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
    login, key, known_hosts, config = (folder / name for name in ("login", "key", "known_hosts", "config"))
    for file, secret in ((login, settings.ssh_private_key), (key, settings.backup_key)):
        file.touch(mode=0o600)
        file.write_text(secret.get_secret_value())
    known_hosts.write_text(
        f"{stack.mail_host} {settings.ssh_host_public_key}\n[{account['host']}]:{BOX_PORT} {backup.known_host_key}\n"
    )
    config.write_text(
        CONFIG.format(
            known_hosts=known_hosts,
            ipv4=stack.ipv4,
            user=USER,
            login=login,
            mail_host=stack.mail_host,
            host=account["host"],
            port=BOX_PORT,
            owner=account["user"],
            key=key,
        )
    )
    return config
