"""Where the backup goes, as settings: what is taken, what is refused, and what follows from it for the firewall."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.backup import BOX_HOST_KEY, Backup, SshTarget
from model.contradictions import contradictions
from tests.support.examples import HOST_KEY, LOGIN_KEY, STORAGE_BOX, settings

S3 = "s3:https://fsn1.your-objectstorage.com/mail"


def refused(**backup: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Backup.model_validate(backup)
    return str(error.value)


def wrong(**changes: Any) -> dict[str, str]:
    return {str(key): text for key, text in contradictions(settings(**STORAGE_BOX | changes))}


@pytest.mark.parametrize(
    ("backup", "sentence"),
    [
        ({"storageBox": "bx11", "repository": S3}, "has both storageBox and repository"),
        ({"at": "02:30"}, "has neither storageBox and repository"),
        ({"repository": S3, "location": "fsn1"}, "location is where a storageBox is made"),
        ({"storageBox": "bx99"}, "storageBox"),
        ({"storageBox": "bx11", "at": "24:00"}, "at"),
        ({"storageBox": "bx11", "at": "2:30"}, "at"),
        ({"storageBox": "bx11", "hostKey": "SHA256:XqONwb1S0zuj5A1CDxpOSuD2hnAArV1A3wKY7Z3sdgM"}, "public host key"),
        ({"storageBox": "bx11", "hostKey": "ssh-ed25519 AAAA"}, "public host key"),
        ({"repository": "/mnt/poste/backup"}, "Lies on the volume"),
        ({"repository": "/mnt/poste"}, "Lies on the volume"),
        ({"repository": "backup"}, "Expected the address of a restic repository"),
        ({"repository": "ftp://host/x"}, "Expected the address of a restic repository"),
        ({"repository": "sftp:host:/x"}, "Expected who and where"),
        ({"repository": "sftp://user@host:99999//x"}, "Expected who and where"),
        ({"repository": "rest:https://me:secret@host/x"}, "Holds a password"),
    ],
)
def test_what_is_no_place_for_a_backup_is_refused(backup: dict[str, Any], sentence: str) -> None:
    said = refused(**backup)
    assert sentence in said
    assert "me:secret" not in said


@pytest.mark.parametrize(
    ("repository", "target"),
    [
        (S3, ("fsn1.your-objectstorage.com", 443)),
        ("s3:s3.amazonaws.com/bucket", ("s3.amazonaws.com", 443)),
        ("s3:minio.example.net:9000/bucket", ("minio.example.net", 9000)),
        ("rest:https://backup.example.net:8000/mail", ("backup.example.net", 8000)),
        ("rest:http://backup.example.net/mail", ("backup.example.net", 80)),
        ("sftp:me@nas.example.net:/backup", ("nas.example.net", 22)),
        ("sftp://me@nas.example.net:2222//backup", ("nas.example.net", 2222)),
        ("sftp://me@[2001:db8::5]:2222//backup", ("2001:db8::5", 2222)),
        ("b2:bucket:mail", None),
        ("/mnt/nas/mail", None),
        ("/mnt/poste-backup", None),
    ],
)
def test_what_the_server_must_reach_follows_from_the_address(repository: str, target: tuple[str, int] | None) -> None:
    assert Backup.model_validate({"repository": repository}).target == target


def test_port_23_is_open_outbound_with_a_storage_box_only() -> None:
    def ports(**changes: Any) -> set[int | None]:
        return {rule.port for rule in settings(**changes).egress if rule.protocol == "tcp"}

    assert 23 not in ports()
    assert 23 in ports(**STORAGE_BOX)
    assert 2222 in ports(backup={"repository": "sftp://me@nas.example.net:2222//backup"})


def test_a_host_key_is_taken_as_ssh_keyscan_prints_it_and_hetzners_is_known() -> None:
    assert Backup.model_validate({"storageBox": "bx11"}).known_host_key == BOX_HOST_KEY
    given = Backup.model_validate({"storageBox": "bx11", "hostKey": f"[u1.your-storagebox.de]:23 {BOX_HOST_KEY} x"})
    assert given.known_host_key == BOX_HOST_KEY
    own = Backup.model_validate({"repository": "sftp:me@nas.example.net:/x"})
    assert own.ssh == SshTarget("me", "nas.example.net", 22)
    assert own.known_host_key is None


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"backupPassphrase": ""}, "backupPassphrase", "nothing leaves the server unencrypted"),
        ({"backupKey": ""}, "backupKey", "is missing"),
        ({"backupKey": LOGIN_KEY}, "backupKey", "is the same key as sshPrivateKey"),
        ({"backupKey": HOST_KEY}, "backupKey", "is the same key as sshPrivateKey or sshHostKey"),
        ({"storageBoxPassword": ""}, "storageBoxPassword", "is missing"),
        ({"backupEnvironment": {"AWS_ACCESS_KEY_ID": "x"}}, "backupEnvironment", "is for backup.repository"),
        ({"backup": {"repository": "sftp:me@nas.example.net:/x"}}, "backup", "has no hostKey"),
    ],
)
def test_what_a_backup_lacks_is_told(changes: dict[str, Any], key: str, sentence: str) -> None:
    assert sentence in wrong(**changes)[key]


def test_a_storage_box_and_a_repository_of_ones_own_are_right() -> None:
    assert wrong() == {}
    own = {"backup": {"repository": S3}, "backupEnvironment": {"AWS_ACCESS_KEY_ID": "x"}}
    assert wrong(**own) == {}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("storageBoxPassword", "short-A1", "Expected 12 to 128 characters"),
        ("storageBoxPassword", "NoDigitsAtAll-x", "Expected 12 to 128 characters"),
        ("storageBoxPassword", "Blank in it-10", "Holds a character that Hetzner does not take"),
        ("backupPassphrase", "short", "Expected 16 characters or more"),
        ("backupEnvironment", {"A B": "x"}, "String should match pattern"),
    ],
)
def test_a_weak_or_unusable_secret_is_refused_and_not_shown(key: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(**STORAGE_BOX | {key: value})
    assert sentence in str(error.value)
    assert str(value) not in str(error.value)
