"""The sandbox's Storage Boxes: who may do what over SSH, and what goes wrong when asked to."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import asyncssh
import pytest
from hcloud.locations import Location
from hcloud.storage_box_types import StorageBoxType
from hcloud.storage_boxes import StorageBoxAccessSettings, StorageBoxSubaccountAccessSettings

from offline.sandbox import world
from tests.support import clouds

NAME, HOME = "box-of-tests", "poste"
PASSWORD = "Correct-Horse-1"
OWNER, SERVER = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
APPEND_ONLY = 'restrict,command="rclone serve restic --stdio --append-only --config=/dev/null ./repo"'
MORE = "dd of=more oflag=append conv=notrunc"
"""What is there already makes no room for it."""
HTTP2_SETTINGS_FRAME = 4
"""RFC 9113, section 6.5: what a server says first."""


@pytest.fixture(scope="module")
def box(sandbox: None) -> Iterator[Any]:
    """A box that this machine reaches."""
    client: Any = clouds.hetzner()
    created = client.storage_boxes.create(
        name=NAME,
        location=Location(name="fsn1"),
        storage_box_type=StorageBoxType(name="bx11"),
        password=PASSWORD,
        ssh_keys=[line(OWNER)],
        access_settings=StorageBoxAccessSettings(ssh_enabled=True, reachable_externally=True),
    )
    created.action.wait_until_finished()
    box = client.storage_boxes.get_by_id(created.storage_box.id)
    yield box
    box.delete().action.wait_until_finished()


@pytest.fixture(scope="module")
def subaccount(box: Any) -> str:
    """The user name of a subaccount whose key may append only."""
    switches = StorageBoxSubaccountAccessSettings(ssh_enabled=True, reachable_externally=True)
    created = box.create_subaccount(home_directory=HOME, password=PASSWORD, access_settings=switches)
    created.action.wait_until_finished()
    asked(box.username, f"mkdir {HOME}/.ssh", key=OWNER)
    asked(box.username, f"dd of={HOME}/.ssh/authorized_keys", key=OWNER, stdin=f"{APPEND_ONLY} {line(SERVER)}\n")
    return str(box.get_subaccount_by_id(created.subaccount.id).username)


def line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def dialled(user: str, **options: Any) -> Any:
    """A connection to a box, whose host key is the published one."""
    trusted: Any = ([asyncssh.import_public_key(world.BOX_HOST_KEY)], [], [])
    only = {"config": None, "agent_path": None, "client_keys": None, "known_hosts": trusted}
    return asyncssh.connect(world.BOXES.ipv4, 23, username=user, **only | options)


def asked(user: str, command: str, *, key: asyncssh.SSHKey, stdin: str = "") -> tuple[int | None, str]:
    """The exit status of a command, and what it printed."""

    async def run() -> tuple[int | None, str]:
        async with dialled(user, client_keys=[key]) as box:
            done = await asyncio.wait_for(box.run(command, input=stdin), 30)
            return done.returncode, f"{done.stdout}{done.stderr}"

    return asyncio.run(run())


def test_a_key_that_may_append_only_gets_rclone_whatever_it_asks_for(subaccount: str) -> None:
    async def first_bytes(*command: str) -> bytes:
        async with dialled(subaccount, client_keys=[SERVER]) as box:
            process = await box.create_process(*command, encoding=None)
            return bytes(await asyncio.wait_for(process.stdout.readexactly(4), 30))

    assert asyncio.run(first_bytes("rm -rf repo"))[3] == HTTP2_SETTINGS_FRAME


def test_the_main_account_deletes_what_a_subaccount_wrote_which_sees_its_own_folder_only(
    box: Any, subaccount: str
) -> None:
    async def write() -> list[str]:
        async with dialled(subaccount, password=PASSWORD) as signed_in, signed_in.start_sftp_client() as sftp:
            async with sftp.open("/home/made", "w") as file:
                await file.write("content")
            assert await sftp.realpath(".") == "/home"
            return sorted(str(name) for name in await sftp.listdir("/home"))

    async def remove() -> bool:
        async with dialled(box.username, client_keys=[OWNER]) as signed_in, signed_in.start_sftp_client() as sftp:
            await sftp.remove(f"{HOME}/made")
            return bool(await sftp.exists(f"{HOME}/made"))

    assert asyncio.run(write()) == [".", "..", ".ssh", "made"]
    assert asyncio.run(remove()) is False


def test_a_box_that_is_not_reachable_from_outside_lets_nobody_in_from_here(box: Any) -> None:
    def reachable(yes: bool) -> None:
        box.update_access_settings(StorageBoxAccessSettings(reachable_externally=yes)).wait_until_finished()

    reachable(False)
    with pytest.raises(asyncssh.PermissionDenied):
        asked(box.username, "ls", key=OWNER)
    reachable(True)
    assert asked(box.username, "ls", key=OWNER)[0] == 0


@pytest.mark.parametrize(
    ("kind", "symptom"),
    [
        ("full", lambda user: "No space left on device" in asked(user, MORE, key=OWNER, stdin="x" * 8192)[1]),
        ("unreachable", lambda _user: clouds.open_ports(world.BOXES.ipv4, [23], outside=False) == []),
    ],
)
def test_boxes_are_in_trouble_for_as_long_as_asked_to(box: Any, kind: str, symptom: Callable[[str], bool]) -> None:
    assert not symptom(box.username)
    with clouds.box_trouble(kind):
        assert symptom(box.username)
    assert not symptom(box.username)


def test_a_rollback_brings_back_what_was_there_and_takes_what_is_newer(box: Any) -> None:
    asked(box.username, "dd of=kept", key=OWNER, stdin="content")
    created = box.create_snapshot()
    created.action.wait_until_finished()
    asked(box.username, "rm kept", key=OWNER)
    asked(box.username, "dd of=newer", key=OWNER, stdin="content")
    box.rollback_snapshot(box.get_snapshot_by_id(created.snapshot.id)).wait_until_finished()
    assert asked(box.username, "cat kept", key=OWNER) == (0, "content")
    assert asked(box.username, "cat newer", key=OWNER)[0] == 1
