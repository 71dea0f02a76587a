"""The program under mocks, with a backup: who may do what to it, in which order things come, and what is kept."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from model.backup import BOX_HOST_KEY
from model.server_folders import BACKED_UP
from model.ssh_keys import ssh_public_key
from tests.support.examples import BACKUP_KEY, LOGIN_KEY, STORAGE_BOX
from tests.support.mocked import SERVERS_KEY, Cloud, Registered, Secret, refusal, run_program
from tests.unit.test_records import public_key

KEY = public_key(2048)
OWN = STORAGE_BOX | {
    "backup": {"repository": "s3:https://s3.example.net/mail", "at": "04:15"},
    "backupEnvironment": {"AWS_ACCESS_KEY_ID": "Access-Key-Of-Ours"},
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@cache
def with_box() -> dict[str, Registered]:
    return run_program(Cloud(KEY), **STORAGE_BOX)


def told(command: Registered) -> Any:
    given = command.inputs["stdin"]
    return json.loads(given.value if isinstance(given, Secret) else given)


def opened(value: Any) -> Any:
    if isinstance(value, Secret):
        return opened(value.value)
    return {key: opened(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def test_a_stack_without_a_backup_makes_nothing_of_it() -> None:
    made = [name for name in run_program(Cloud(KEY)) if not name.startswith("CopyToRemote")]
    assert not [name for name in made if "torage" in name or "backup" in name.lower()]


def test_the_box_is_kept_protected_and_never_replaced_for_its_keys() -> None:
    box, account = with_box()["StorageBox backup"], with_box()["StorageBoxSubaccount server"]
    assert box.protect
    assert account.protect
    assert box.inputs["deleteProtection"] is True
    assert box.ignores == ["sshKeys"]
    assert box.kept
    assert account.kept
    assert box.inputs["sshKeys"] == [ssh_public_key(BACKUP_KEY)]
    assert box.inputs["accessSettings"] == {"sshEnabled": True, "reachableExternally": False}
    assert box.inputs["snapshotPlan"]["maxSnapshots"] == 10
    assert isinstance(box.inputs["password"], Secret)


def test_the_operators_key_goes_to_the_box_through_the_server_and_never_to_it() -> None:
    for name, resource in with_box().items():
        if not resource.type.startswith("command:remote"):
            continue
        connection, stdin = opened(resource.inputs["connection"]), opened(resource.inputs.get("stdin"))
        assert BACKUP_KEY.splitlines()[2] not in str(stdin)
        if "proxy" in connection:
            assert connection["privateKey"] == BACKUP_KEY
            assert (connection["host"], connection["port"], connection["user"]) == ("u1.your-storagebox.de", 23, "u1")
            assert connection["hostKey"] == BOX_HOST_KEY
            assert connection["proxy"]["privateKey"] == LOGIN_KEY
            assert connection["proxy"]["hostKey"].startswith("ssh-ed25519 ")
        else:
            assert connection["privateKey"] == LOGIN_KEY, name


def test_the_servers_key_may_only_add() -> None:
    command = with_box()["Command backup-key"]
    assert command.inputs["create"] == command.inputs["update"] == "dd of=poste-mail/.ssh/authorized_keys"
    line = opened(command.inputs["stdin"])
    assert line == (
        f'restrict,command="rclone serve restic --stdio --append-only --config=/dev/null ./repo" {SERVERS_KEY}\n'
    )
    assert "Command backup-folder" in command.depends_on


def test_the_server_is_told_of_its_own_account_and_the_passphrase_in_secret() -> None:
    command = with_box()["Command backup-access"]
    assert isinstance(command.inputs["stdin"], Secret)
    assert told(command) == {
        "repository": "rclone:box",
        "ssh": {"host": "u1-sub1.your-storagebox.de", "port": 23, "user": "u1-sub1", "host_key": BOX_HOST_KEY},
        "passphrase": STORAGE_BOX["backupPassphrase"],
        "environment": {},
    }


def test_an_empty_volume_is_filled_before_poste_starts_and_the_timer_comes_when_it_works() -> None:
    found = with_box()
    assert "Command backup-key" in found["Command backup-fill"].depends_on
    assert "Command backup-fill" in found["Container poste"].depends_on
    assert {"DnsRecord example.com-mx", "Command dkim-signers"} <= found["Command backup"].depends_on
    assert "Command backup" in found["Command certificate-account"].depends_on
    assert told(found["Command backup"])["folders"] == list(BACKED_UP)
    # With the route in Poste's data goes what tells whether it is ours.
    assert "/mnt/poste/relay" in BACKED_UP


def test_another_image_is_prepared_for_before_the_container_and_judged_before_all_else() -> None:
    found = with_box()
    assert found["Command poste-upgrade"].inputs["create"].startswith("python3 /opt/poste-mail/upgrade.py prepare #")
    assert told(found["Command poste-upgrade"])["backup"] is True
    assert "Command poste-upgrade" in found["Container poste"].depends_on
    assert "Command backup-fill" in found["Command poste-upgrade"].depends_on
    assert "RemoteImage poste" in found["Command poste-upgrade"].depends_on
    assert "Command poste-judged" in found["Command poste-install"].depends_on
    assert found["Command poste-judged"].inputs["create"].startswith("python3 /opt/poste-mail/upgrade.py judge #")
    asked = told(found["Command poste-upgrade"])
    assert asked.keys() == {"container", "image", "reference", "data", "backup", "url"}
    assert told(found["Command poste-judged"]) == asked


def test_a_repository_of_ones_own_needs_no_box() -> None:
    found = run_program(Cloud(KEY), **OWN)
    assert not [name for name in found if "Storage" in name or name in ("Command backup-key", "Command backup-folder")]
    assert told(found["Command backup-access"]) == {
        "repository": "s3:https://s3.example.net/mail",
        "ssh": None,
        "passphrase": STORAGE_BOX["backupPassphrase"],
        "environment": {"AWS_ACCESS_KEY_ID": "Access-Key-Of-Ours"},
    }
    assert told(found["Command backup"])["at"] == "04:15"


def box(location: str = "fsn1", **labels: str) -> dict[str, Any]:
    ours = {"managed-by": "pulumi", "project": "poste-mail", "stack": "prod"}
    return {"id": 7, "name": "poste-mail-prod", "location": location, "labels": ours | labels}


def test_a_box_that_the_state_does_not_know_is_not_made_a_second_time() -> None:
    text = refusal(Cloud(KEY, held={"storageBoxes": [box()]}), **STORAGE_BOX)
    assert "The Storage Box poste-mail-prod (id 7) is this stack's by its labels" in text
    assert "./run mail repair --stack prod" in text


def test_a_box_is_not_replaced_for_another_location() -> None:
    state = {"urn:pulumi:prod::poste-mail::x::backup": {
        "type": "hcloud:index/storageBox:StorageBox", "outputs": {"id": "7"},
    }}  # fmt: skip
    wanted = STORAGE_BOX | {"backup": {"storageBox": "bx11", "location": "hel1"}}
    text = refusal(Cloud(KEY, state=state, held={"storageBoxes": [box()]}), **wanted)
    assert "backup.location hel1: the Storage Box is in fsn1, and would be replaced" in text
