"""The commands for backups on the operator's side: what they refuse, and what they hand to restic and to whom."""

import json
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.backup import BOX_HOST_KEY
from operate import reboot, restore, upgrade
from operate.backup import command, owner
from operate.backup.prune import prune, refuse_future
from operate.errors import ServerError, StackError
from operate.verify.stack import Stack
from tests.support.examples import BACKUP_KEY, LOGIN_KEY, STORAGE_BOX
from tests.support.verify_world import HOST, IPV4, stack

ACCOUNT = {"user": "u1", "host": "u1.your-storagebox.de"}
RESTIC = """\
#!/bin/sh
printf '%s\\n' "$*" >>"$LOG"
case "$*" in
  *snapshots*--json*) cat "$SNAPSHOTS" ;;
  *unreachable*) echo 'Fatal: unable to open repository' >&2; exit 1 ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a restic that does nothing was called with."""
    program = tmp_path / "bin" / "restic"
    program.parent.mkdir()
    program.write_text(RESTIC)
    program.chmod(0o755)
    written = tmp_path / "log"
    written.touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(written))
    monkeypatch.setenv("SNAPSHOTS", str(tmp_path / "snapshots"))
    (tmp_path / "snapshots").write_text(json.dumps([snapshot(timedelta(hours=-9)), snapshot(timedelta(days=-40))]))
    return written


def snapshot(ago: timedelta) -> dict[str, Any]:
    return {"short_id": "1a2b3c4d", "time": f"{datetime.now(UTC) + ago:%Y-%m-%dT%H:%M:%S}.123456789Z"}


def test_the_box_is_reached_through_the_server_with_keys_that_lie_there_for_a_moment_only(log: Path) -> None:
    with owner.repository(stack(**STORAGE_BOX), ACCOUNT) as repository:
        (config,) = [Path(word) for option in repository.options for word in option.split() if word.endswith("/config")]
        text = config.read_text()
        assert f"HostName {IPV4}" in text
        assert f"HostKeyAlias {HOST}" in text
        assert "HostName u1.your-storagebox.de\n  Port 23\n  User u1\n" in text
        assert "ProxyJump server" in text
        assert "StrictHostKeyChecking yes" in text
        assert f"[u1.your-storagebox.de]:23 {BOX_HOST_KEY}\n" in (config.parent / "known_hosts").read_text()
        for name, key in (("login", LOGIN_KEY), ("key", BACKUP_KEY)):
            file = config.parent / name
            assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (key, 0o600)
        assert repository.options[:2] == ["--repo", "sftp:box:poste-mail/repo"]
        assert repository.environment["RESTIC_PASSWORD"] == STORAGE_BOX["backupPassphrase"]
        assert STORAGE_BOX["backupPassphrase"] not in " ".join(repository.options)
    assert not config.parent.exists()


def test_the_owner_has_other_credentials_than_the_server_where_they_are_set(log: Path) -> None:
    own = STORAGE_BOX | {"backup": {"repository": "b2:bucket:mail"}, "backupEnvironment": {"B2_ACCOUNT_ID": "adds"}}
    with owner.repository(stack(**own), {}) as repository:
        assert repository.environment["B2_ACCOUNT_ID"] == "adds"
    with owner.repository(stack(**own, backupOwnerEnvironment={"B2_ACCOUNT_ID": "deletes"}), {}) as repository:
        assert repository.environment["B2_ACCOUNT_ID"] == "deletes"
        assert repository.options == ["--repo", "b2:bucket:mail"]


def test_without_restic_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(StackError, match="apt-get install restic"),
        owner.repository(stack(**STORAGE_BOX), ACCOUNT),
    ):
        pass


def test_old_snapshots_go_by_age_alone_and_what_is_kept_is_read_again(log: Path) -> None:
    with owner.repository(stack(**STORAGE_BOX), ACCOUNT) as repository:
        assert prune(repository) == {"before": 2, "after": 2}
    called = [line.partition(" -s sftp ")[2] for line in log.read_text().splitlines()]
    forgets = [line for line in called if line.startswith("forget")]
    assert len(forgets) == 3
    assert all("--keep-within" in line and "--keep-last" not in line and "--group-by" in line for line in forgets)
    assert "--keep-within-daily 14d" in forgets[0]
    assert [line.split()[0] for line in called] == [
        "snapshots",
        "forget",
        "forget",
        "forget",
        "prune",
        "check",
        "snapshots",
    ]
    assert "--read-data-subset=5%" in called[5]


def test_a_snapshot_that_is_dated_ahead_stops_the_pruning_before_anything_is_deleted(log: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text(json.dumps([snapshot(timedelta(hours=-9)), snapshot(timedelta(days=4000))]))
    with (
        owner.repository(stack(**STORAGE_BOX), ACCOUNT) as repository,
        pytest.raises(ServerError, match="Nothing was deleted"),
    ):
        prune(repository)
    assert "forget" not in log.read_text()


def test_a_clock_that_is_a_little_fast_is_no_intruder() -> None:
    refuse_future([snapshot(timedelta(minutes=30)), {"short_id": "1", "time": "2026-01-01T12:00:00+02:00"}])


def test_what_restic_says_is_told(log: Path) -> None:
    with (
        owner.repository(stack(**STORAGE_BOX), ACCOUNT) as repository,
        pytest.raises(ServerError, match="unable to op"),
    ):
        repository.ask("unreachable")


def _reads(found: Stack) -> Any:
    async def read(_name: str, _config_file: str = "") -> Stack:
        return found

    return read


@pytest.mark.parametrize("words", [["run"], ["list"], ["drill"], ["prune"]])
def test_a_stack_without_a_backup_is_told_so_or_passed_over(
    words: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "read_stack", _reads(stack()))
    assert command.main([*words, "--stack", "test"]) == 2
    assert "Set backup first" in capsys.readouterr().err
    assert command.main([*words, "--stack", "test", "--if-any"]) == 0


class Server:
    """A server that answers scripts, and what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, Any]]()

    async def run_script(self, _stack: Stack, script: str, request: Any = None, *_arguments: str) -> Any:
        self.asked.append((script, request))
        answer = self.answers[script.removesuffix(".py")]
        if isinstance(answer, Exception):
            raise answer
        return answer


RESTORED = {"snapshot": "1a2b", "of": 0, "files": 9, "messages": 3, "kept": "/mnt/poste/data.kept-1"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    answering = Server(restore=RESTORED)
    monkeypatch.setattr(restore, "run_script", answering.run_script)
    monkeypatch.setattr(restore, "read_stack", _reads(stack(**STORAGE_BOX)))
    return answering


def test_the_whole_server_is_restored_over_its_mail_only_when_the_stack_is_named_once_more(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs = iter([0, 0])
    monkeypatch.setattr("operate.verify.command.main", lambda _given: next(proofs))
    assert restore.main(["--stack", "test", "--replace", "tset"]) == 2
    assert server.asked == []
    assert restore.main(["--stack", "test"]) == 0
    assert server.asked[-1][1]["sure"] is False
    assert restore.main(["--stack", "test", "--replace", "test", "--snapshot", "1a2b"]) == 0
    assert server.asked[-1][1]["sure"] is True
    assert server.asked[-1][1]["snapshot"] == "1a2b"
    assert server.asked[-1][1]["relay"] == "/mnt/poste/relay"
    assert "/mnt/poste/data.kept-1" in capsys.readouterr().out
    assert list(proofs) == []  # each is proved to work


def test_a_mailbox_needs_no_second_word_and_no_proof(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert restore.main(["--stack", "test", "--mailbox", "Ann@Example.com"]) == 0
    assert server.asked[-1][1]["mailbox"] == "ann@example.com"
    assert "in a folder of ann@example.com" in capsys.readouterr().out


def test_the_servers_words_are_the_commands(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["restore"] = ServerError("Poste has mail already.")
    assert restore.main(["--stack", "test"]) == 1
    assert capsys.readouterr().err == "Poste has mail already.\n"


def test_a_tag_is_one_of_the_image_that_runs_and_gets_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = "sha256:" + "d" * 64
    monkeypatch.setattr(upgrade, "pinned", lambda reference: f"{reference}@{digest}")
    before = f"analogic/poste.io:2.5.11@sha256:{'a' * 64}"
    assert upgrade.whole(before, "2.5.17") == f"analogic/poste.io:2.5.17@{digest}"
    assert upgrade.whole(before, "mirror.example/poste:3") == f"mirror.example/poste:3@{digest}"
    assert upgrade.whole("analogic/poste.io:2.5.11", "2.5.17") == "analogic/poste.io:2.5.17"


@pytest.mark.parametrize(
    ("ups", "status", "images", "said"),
    [
        ([0], 0, ["new"], "Asking whether it works"),
        ([255, 0], 1, ["new", "old"], "runs, with all mail"),
        ([255, 255], 1, ["new", "old"], "Neither deploys"),
    ],
)
def test_an_upgrade_that_fails_sets_the_image_back_and_deploys_that(
    ups: list[int], status: int, images: list[str], said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    running = stack()
    named = {"old": running.settings.poste_image, "new": running.settings.poste_image.replace("2.5.11", "2.5.17")}
    configured: list[str] = []
    monkeypatch.setattr(upgrade, "read_stack", _reads(running))
    monkeypatch.setattr(upgrade, "whole", lambda _before, _wanted: named["new"])
    monkeypatch.setattr(
        "operate.stacks.stack.Stack.set_plain", lambda _self, paths: configured.append(paths["posteImage"])
    )
    monkeypatch.setattr("operate.workflow.engine.up", lambda _name: ups.pop(0))
    monkeypatch.setattr("operate.verify.command.main", lambda _given: 0)
    assert upgrade.main(["--stack", "test", "--image", "2.5.17"]) == status
    assert configured == [named[image] for image in images]
    assert said in capsys.readouterr().err


def test_a_server_that_does_not_come_back_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering = Server(drain={"left": 0})

    async def boot(_stack: Stack) -> str:
        return "always the same"

    class Connection:
        async def __aenter__(self) -> "Connection":
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def create_process(self, _command: str) -> None: ...

    monkeypatch.setattr(reboot, "run_script", answering.run_script)
    monkeypatch.setattr(reboot, "read_stack", _reads(stack()))
    monkeypatch.setattr(reboot, "connected", lambda _stack: Connection())
    monkeypatch.setattr(reboot, "_boot", boot)
    monkeypatch.setattr(reboot, "BACK", 0.5)
    monkeypatch.setattr(reboot, "PAUSE", 0.1)
    assert reboot.main(["--stack", "test"]) == 1
    assert "Look at its console at Hetzner" in capsys.readouterr().err
