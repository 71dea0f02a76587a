"""The backup: that there is one, and that nobody who takes the server can delete it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.backup import MAKE_ONE, NO_BACKUP
from policy.disguises import gives_away
from policy.model import (
    COMMAND,
    COPY,
    COPY_FILE,
    STORAGE_ACCOUNT,
    STORAGE_BOX,
    UNKNOWN,
    Resource,
    Resources,
)
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack, texts

Found = Iterator[tuple[Resource | None, str]]

SCRIPT = re.compile(r"(\S*/)?python3?(\.\d+)? (\S*/)?backup\.py(\s+#|\s*$)")
"""The line that has the server back itself up every night."""
KEYS = re.compile(r"authorized_keys\b")
ADDS_ONLY = re.compile(r'restrict,command="rclone serve restic --stdio --append-only [^"]*" \S+ \S+( .*)?')
"""A line of authorized_keys (sshd(8)) that lets a key add to a repository, and nothing else."""


def backed_up(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """A protected stack has a backup, and the server makes it."""
    settings = stack.settings
    if not settings.protect:
        return
    if settings.backup is None:
        yield None, f"{NO_BACKUP}."
        return
    commands = resources.of_type(COMMAND)
    lines = [command.get("create") for command in commands]
    if not any(line is UNKNOWN or (isinstance(line, str) and SCRIPT.match(line.strip())) for line in lines):
        yield None, "Nothing has the server make a backup, though the settings want one."


def within_hetzner(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Box and account are reached by SSH, and from Hetzner's own network only."""
    access = resource.get("accessSettings")
    if access is UNKNOWN:
        return
    given = access if isinstance(access, Mapping) else {}
    for name in ("reachableExternally", "sambaEnabled", "webdavEnabled"):
        if given.get(name) not in (None, False, UNKNOWN):
            yield f"Its access has {name} on."
    if given.get("sshEnabled") not in (True, UNKNOWN):
        yield "Its access has sshEnabled off, without which no backup reaches it."


def only_added(command: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """A key that the Storage Box is told may add to the one repository and delete nothing."""
    if stack.settings.backup is None or not stack.settings.backup.storage_box:
        return
    connection = command.get("connection")
    to_box = isinstance(connection, Mapping) and connection.get("proxy")
    line, told = command.get("create"), command.get("stdin")
    if not to_box or not isinstance(line, str) or not KEYS.search(line) or not isinstance(told, str):
        return
    for entry in filter(None, told.splitlines()):
        if not ADDS_ONLY.fullmatch(entry):
            yield "A key that the Storage Box is told may do more than add to the backup."


def owners_key_stays(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The operator's key signs in at the Storage Box, and goes nowhere else."""
    key = stack.settings.backup_key
    if key is None:
        return
    secret = key.get_secret_value()
    for name, value in resource.props.items():
        inner: Any = value
        if name == "connection" and isinstance(value, Mapping) and value.get("proxy"):
            inner = {part: given for part, given in value.items() if part != "privateKey"}
        if any(gives_away(text, secret) for _, text in texts(name, inner)):
            yield f"The property {name} takes backupKey to the server."


RULES = (
    StackRule(
        name="backup-in-protected-stack",
        why="A protected stack has a backup outside of its server, which the server makes every night.",
        remedy=f"{MAKE_ONE}, and make a NightlyBackup.",
        level="advisory",
        check=backed_up,
    ),
    ResourceRule(
        name="storage-box-inside",
        why="The Storage Box takes SSH from Hetzner's network alone, because its password can never be turned off.",
        remedy="Set access_settings to ssh_enabled alone.",
        types=(STORAGE_BOX, STORAGE_ACCOUNT),
        check=within_hetzner,
    ),
    ResourceRule(
        name="backup-only-added",
        why="The server's key only adds to the backup, because whoever takes the server tries to delete it first.",
        remedy="Give the Storage Box the line that authorized() of components/backup.py makes.",
        types=(COMMAND,),
        check=only_added,
    ),
    ResourceRule(
        name="backup-key-stays",
        why="The key that may delete backups never reaches the server that is backed up.",
        remedy="Use it in a connection to the Storage Box alone, as to_storage_box() of components/connection.py does.",
        types=(COMMAND, COPY, COPY_FILE),
        check=owners_key_stays,
    ),
)
