"""The rules for the backup."""

import json
from typing import Any

import pytest

from components.backup import authorized
from policy.model import COMMAND, COPY, STORAGE_ACCOUNT, STORAGE_BOX, UNKNOWN, Resource
from tests.support.case import Case, holds, sentence, stack
from tests.support.examples import BACKUP_KEY, LOGIN_KEY
from tests.support.examples import STORAGE_BOX as WITH_BOX

BOX = stack(**WITH_BOX)
ADDS = authorized("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICf9svRenC poste-mail-backup")
TO_BOX = {"host": "u1.your-storagebox.de", "port": 23, "privateKey": BACKUP_KEY, "proxy": {"privateKey": LOGIN_KEY}}
KEYS = "dd of=poste-mail/.ssh/authorized_keys"


def command(create: Any = "true", **props: Any) -> Resource:
    return Resource(COMMAND, "x", {"create": create} | props, "x")


def kept(kind: str, **access: Any) -> Resource:
    settings = {"sshEnabled": True, "reachableExternally": False} | access
    return Resource(kind, "x", {"accessSettings": settings}, "x")


NIGHTLY = command("python3 /opt/poste-mail/backup.py # script 0123456789ab, rerun 0, volume 7")

BACKED_UP = [
    Case("a backup every night", "backup-in-protected-stack", [NIGHTLY], stack=BOX),
    Case("a command that is not known yet", "backup-in-protected-stack", [command(UNKNOWN)], stack=BOX),
    Case("no command", "backup-in-protected-stack", [command()], "Nothing has the server make a backup", stack=BOX),
    *(
        Case(f"a command that runs {line}", "backup-in-protected-stack", [command(line)], "Nothing has", stack=BOX)
        for line in ("true # python3 backup.py", "python3 /opt/x/no_backup.py #", "python3 /opt/x/backup.py stop")
    ),
    Case("no backup", "backup-in-protected-stack", [command()], "is protected and has no backup"),
    Case("no backup of a trial", "backup-in-protected-stack", [command()], stack=stack(protect=False)),
]

INSIDE = [
    *(Case(f"SSH from inside ({kind})", "storage-box-inside", [kept(kind)]) for kind in (STORAGE_BOX, STORAGE_ACCOUNT)),
    Case(
        "access that is not known yet", "storage-box-inside", [Resource(STORAGE_BOX, "x", {"accessSettings": UNKNOWN})]
    ),
    *(
        Case(f"a box with {name}", "storage-box-inside", [kept(STORAGE_BOX, **{name: True})], f"{name} on")
        for name in ("reachableExternally", "sambaEnabled", "webdavEnabled")
    ),
    Case("an account without SSH", "storage-box-inside", [kept(STORAGE_ACCOUNT, sshEnabled=False)], "sshEnabled off"),
    Case("a box without any access", "storage-box-inside", [Resource(STORAGE_BOX, "x", {})], "sshEnabled off"),
]


def told(line: Any, connection: Any = None) -> Resource:
    return command(KEYS, stdin=line, connection=connection or TO_BOX)


ADDED = [
    Case("a key that only adds", "backup-only-added", [told(ADDS)], stack=BOX),
    Case("a key that is not known yet", "backup-only-added", [told(UNKNOWN), command(UNKNOWN)], stack=BOX),
    Case("another command for the box", "backup-only-added", [command("mkdir -p x", connection=TO_BOX)], stack=BOX),
    Case("the server's own keys", "backup-only-added", [told("ssh-ed25519 AAAA x", {"host": "x"})], stack=BOX),
    *(
        Case(f"the line {line}", "backup-only-added", [told(line)], "may do more than add", stack=BOX)
        for line in (
            "ssh-ed25519 AAAA x",
            ADDS.replace("--append-only ", ""),
            ADDS.replace("restrict,", ""),
            'restrict,command="rclone serve restic --stdio ./repo" ssh-ed25519 AAAA x',
            f"{ADDS}ssh-ed25519 AAAA another",
        )
    ),
]

STAYS = [
    Case("the key in a connection to the box", "backup-key-stays", [told(ADDS)], stack=BOX),
    Case("a connection that is not known yet", "backup-key-stays", [command(connection=UNKNOWN)], stack=BOX),
    Case("the key in a connection to the server", "backup-key-stays",
         [command(connection={"host": "x", "privateKey": BACKUP_KEY})], "connection takes backupKey", stack=BOX),
    Case("the key for the jump", "backup-key-stays",
         [command(connection=TO_BOX | {"proxy": {"privateKey": BACKUP_KEY}})], "connection takes backupKey", stack=BOX),
    Case("the key by standard input", "backup-key-stays",
         [command(stdin=json.dumps({"key": BACKUP_KEY}))], "stdin takes backupKey", stack=BOX),
    Case("the key in a file", "backup-key-stays",
         [Resource(COPY, "x", {"source": BACKUP_KEY})], "source takes backupKey", stack=BOX),
]  # fmt: skip

CASES = [*BACKED_UP, *INSIDE, *ADDED, *STAYS]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
