"""The sandbox's Storage Boxes as far as they need no container: the shell, who may sign in, and the control service."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import requests

from offline.sandbox import world
from offline.sandbox.boxes import shell
from offline.sandbox.boxes.accounts import HETZNER, ROOTS, Account, Accounts, access
from offline.sandbox.boxes.door import Door
from offline.sandbox.boxes.server import build
from offline.sandbox.datacentre.model import FIRST_IPV4, FIRST_IPV6_SUBNET, LAST_IPV4
from tests.support.serving import running

MAIN = Account("u1", "u1", "", "password", (), ssh=True, external=False, readonly=False, snapshots=False)
SUBACCOUNT = replace(MAIN, name="u1-sub1", home="poste")


# --- the shell


@pytest.mark.parametrize(
    "command",
    [
        "rclone serve restic --stdio --append-only --config=/dev/null ./repo",
        "mkdir -p poste/.ssh",
        "dd of=poste/.ssh/authorized_keys",
        "ls -la",
        "rm -rf poste/repo",
        "rsync --server -e.iLsfxCIvu . folder",
    ],
)
def test_what_a_storage_box_lets_one_run_is_run(command: str) -> None:
    assert shell.refusal(command.split()) is None


@pytest.mark.parametrize(
    "command",
    ["", "sh", "ls; id", "rclone lsd /", "rclone serve webdav .", "rsync a b", "/usr/bin/ls", "python3", "id | cat"],
)
def test_all_else_is_refused(command: str) -> None:
    assert shell.refusal(command.split()) is not None


@pytest.mark.parametrize("command", ["sh -c id", "ls 'unfinished", ""])
def test_a_refusal_is_told_with_the_status_of_a_command_that_is_not_there(command: str) -> None:
    done = subprocess.run([sys.executable, shell.__file__, "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (127, "", 1)


def test_words_are_parted_as_shells_do_but_nothing_in_them_is_more_than_text(tmp_path: Path) -> None:
    (tmp_path / "a b").write_text("content $(id)")
    done = subprocess.run(
        [sys.executable, shell.__file__, "-c", f"cat '{tmp_path}/a b'"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "content $(id)"


# --- who may sign in


def rules(*accounts: Account) -> list[str]:
    return access(accounts).splitlines()


def test_an_account_signs_in_to_its_own_root_with_the_keys_of_its_own_folder() -> None:
    root = ROOTS / "u1-sub1"
    assert rules(MAIN, SUBACCOUNT)[-3:] == [
        "Match User u1-sub1",
        f"    ChrootDirectory {root}",
        f"    AuthorizedKeysFile {root}/home/.ssh/authorized_keys",
    ]


def test_who_is_not_reachable_from_outside_is_from_the_servers_alone() -> None:
    assert rules(MAIN, replace(SUBACCOUNT, external=True))[:2] == [f"AllowUsers u1@{HETZNER}", "AllowUsers u1-sub1"]
    patterns = HETZNER.split(",")
    inside = [ip_network(pattern) for pattern in patterns if not pattern.startswith("!")]
    outside = [ip_network(pattern[1:]) for pattern in patterns if pattern.startswith("!")]

    def matches(address: str) -> bool:
        parsed = ip_address(address)
        return any(parsed in one for one in inside) and not any(parsed in one for one in outside)

    subnet = f"2001:db8:100:{FIRST_IPV6_SUBNET:x}::1"
    assert all(matches(address) for address in (str(FIRST_IPV4), str(LAST_IPV4), subnet))
    assert not any(matches(address) for address in (*world.GATEWAY, *world.PROVIDER, *world.DATACENTRE))


def test_without_ssh_nobody_signs_in() -> None:
    assert rules(replace(MAIN, ssh=False))[0] == "DenyUsers u1"


# --- the control service


class Books(Accounts):
    """Accounts that are written down only."""

    def __init__(self) -> None:
        self.full = False
        self.made: list[Account] = []

    def put(self, account: Account) -> None:
        self.made.append(account)

    def remove(self, name: str) -> None:
        raise KeyError(name)

    def fill(self, full: bool) -> None:
        self.full = full

    def snapshot(self, box: str, name: str) -> None:
        raise subprocess.CalledProcessError(1, ["rsync", box, name], stderr="no room\n")


class Entrance(Door):
    """A door that leads nowhere."""

    is_open = True

    def open(self) -> None:
        self.is_open = True

    async def shut(self) -> None:
        self.is_open = False


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def door() -> Entrance:
    return Entrance()


@pytest.fixture
def url(books: Books, door: Entrance) -> Iterator[str]:
    with running(build(books, door)) as address:
        yield address


def test_an_account_is_made_as_the_data_centre_describes_it(books: Books, url: str) -> None:
    body = {name: value for name, value in vars(SUBACCOUNT).items() if name != "name"}
    assert requests.put(f"{url}/accounts/u1-sub1", json=body, timeout=60).status_code == 204
    assert books.made == [replace(SUBACCOUNT, keys=[])]


def test_what_goes_wrong_is_told(url: str) -> None:
    missing = requests.delete(f"{url}/accounts/u7", timeout=60)
    assert (missing.status_code, missing.json()["error"]) == (404, "there is no u7")
    failed = requests.put(f"{url}/boxes/u1/snapshots/now", timeout=60)
    assert (failed.status_code, failed.json()["error"]) == (500, "rsync: no room")


def test_boxes_get_full_and_unreachable_and_well_again(books: Books, door: Entrance, url: str) -> None:
    def switch(**wanted: bool) -> dict[str, bool]:
        answer: dict[str, bool] = requests.post(f"{url}/_sandbox/boxes", json=wanted, timeout=60).json()
        return answer

    assert switch(full=True) == {"full": True, "unreachable": False}
    assert switch(unreachable=True) == {"full": True, "unreachable": True}
    assert (books.full, door.is_open) == (True, False)
    assert switch(full=False, unreachable=False) == {"full": False, "unreachable": False}
    assert "expected an object with full or unreachable" in str(switch(slow=True))
