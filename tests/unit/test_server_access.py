"""`./run mail ssh` and `./run mail logs`: the real ssh, against an SSH server that runs what it is asked to."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from operate import logs, ssh
from operate.verify.stack import Stack
from tests.support.examples import HOST_KEY
from tests.support.machine import Machine
from tests.support.verify_world import LOOPBACK, stack

SSH = """\
#!/bin/sh
stat -c '%a %n' "$(dirname "$2")"/* >"$SEEN"
exec /usr/bin/ssh -p "$PORT" "$@"
"""
"""The real client, which is told another port than the servers' own."""
PROGRAM = """\
import sys
from operate import ssh
from tests.unit.test_server_access import as_told
ssh.read_stack = as_told
sys.exit(ssh.main(["--stack", "test", *sys.argv[1:]]))
"""


class Terminal(Machine):
    """Tells which terminal it was given, and ends as a shell whose last command failed."""

    async def process(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.asked.append(process.command or "")
        process.stdout.write(f"terminal {process.term_type}\r\n".encode())
        process.exit(7)


async def as_told(_name: str) -> Stack:
    """The stack that the environment tells of."""
    keys = {"ssh_private_key": os.environ["LOGIN"], "ssh_host_key": os.environ["SERVER"]}
    return replace(stack(**keys), ipv4=LOOPBACK)


@contextmanager
def reached(machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine as the stack's server, with `ssh` on PATH that finds it."""
    program, temporary = folder / "bin" / "ssh", folder / "tmp"
    program.parent.mkdir()
    temporary.mkdir()
    program.write_text(SSH)
    program.chmod(0o755)
    with machine:
        for name, value in {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PORT": str(machine.port),
            "SEEN": str(folder / "seen"),
            "TMPDIR": str(temporary),
            "LOGIN": machine.client_key.export_private_key().decode(),
            "SERVER": machine.host_key.export_private_key().decode(),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tempfile.tempdir", None)
        for module in (ssh, logs):
            monkeypatch.setattr(module, "read_stack", as_told)
        yield machine


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with reached(Machine(), tmp_path, monkeypatch) as machine:
        yield machine


def test_a_command_runs_on_the_server_and_its_exit_status_is_the_commands(
    server: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ssh.main(["--stack", "test", "echo", "it is here;", "exit 5"]) == 5
    assert capfd.readouterr().out == "it is here\n"
    assert server.asked == ["echo it is here; exit 5"]


def test_a_command_can_begin_with_a_dash_after_two_of_them(server: Machine) -> None:
    assert ssh.main(["--stack", "test", "--", "true", "--json"]) == 0
    assert server.asked == ["true --json"]


def test_the_key_lies_in_a_file_of_this_user_alone_and_only_meanwhile(server: Machine, tmp_path: Path) -> None:
    assert ssh.main(["--stack", "test", "true"]) == 0
    seen = (tmp_path / "seen").read_text().splitlines()
    assert [line.partition(" ")[0] for line in seen if line.endswith("/login")] == ["600"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_another_server_at_the_same_address_is_refused(
    server: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERVER", HOST_KEY)
    assert ssh.main(["--stack", "test", "true"]) == 1
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in (said := capfd.readouterr().err)
    assert f"ssh did not reach {LOOPBACK}" in said
    assert server.asked == []


def test_a_machine_without_ssh_is_told_what_to_install(
    server: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ssh.main(["--stack", "test"]) == 1
    assert "openssh-client" in capsys.readouterr().err


def test_what_a_command_prints_is_one_json_object_if_asked_for(
    server: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ssh.main(["--stack", "test", "--json", "echo here; exit 3"]) == 3
    assert json.loads(capsys.readouterr().out) == {"stack": "test", "exit": 3, "output": "here\n"}


def test_what_is_no_utf_8_is_printed_as_json_all_the_same(server: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """Strangers choose what a log holds."""
    assert ssh.main(["--stack", "test", "--json", r"printf 'a\377b'"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == "a\ufffdb"


def test_a_shell_prints_no_json(server: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        ssh.main(["--stack", "test", "--json"])
    assert end.value.code == 2
    assert server.asked == []


def program(*arguments: str, **streams: Any) -> "subprocess.Popen[bytes]":
    """The command in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], **streams)


def test_at_a_terminal_the_server_has_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    with reached(Terminal(), tmp_path, monkeypatch) as machine:
        ours, its = pty.openpty()
        try:
            with program("htop", stdin=its, stdout=its, stderr=its) as running:
                assert running.wait(100) == 7
            assert b"terminal xterm-256color" in os.read(ours, 1000)
        finally:
            os.close(ours)
            os.close(its)
    assert machine.asked == ["htop"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_no_key_stays_behind_when_the_command_is_told_to_end(
    server: Machine, tmp_path: Path, end: signal.Signals
) -> None:
    with program("exec sleep 60", stdin=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 50
        while not server.asked and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list((tmp_path / "tmp").iterdir())
        running.send_signal(end)
        assert running.wait(50) == 128 + end
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def logged(server: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the server keeps Poste's logs, with one of mail."""
    folder = tmp_path / "log"
    services = {name: folder / "s6" / name / "current" for name in ("haraka-smtp", "haraka-submission", "nginx")}
    for name, file in services.items():
        file.parent.mkdir(parents=True)
        file.write_text(f"{name} 1\n{name} 2\n")
    (folder / "mail.log").write_text("delivered 1\ndelivered 2\n")
    found = {
        name: (lambda lines, follow, line=line: line(lines, follow).replace("/mnt/poste/data/log", str(folder)), told)
        for name, (line, told) in logs.SERVICES.items()
    }
    monkeypatch.setattr(logs, "SERVICES", found)
    return folder


def test_the_log_of_mail_is_the_end_of_all_files_that_tell_of_it(
    logged: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert logs.main(["--stack", "test", "--lines", "1"]) == 0
    shown = capfd.readouterr().out
    assert all(line in shown for line in ("delivered 2\n", "haraka-smtp 2\n", "haraka-submission 2\n"))
    assert "1\n" not in shown
    assert "nginx" not in shown


def test_a_service_of_poste_has_a_log_of_its_own_as_json_too(logged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main(["--stack", "test", "smtp", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "stack": "test",
        "service": "smtp",
        "lines": ["haraka-smtp 1", "haraka-smtp 2"],
    }


def test_a_log_that_is_not_there_is_a_failure_in_the_servers_words(
    logged: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert logs.main(["--stack", "test", "dovecot"]) == 1
    assert "No such file" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("service", "line"),
    [
        ("container", "docker logs --timestamps --tail=20 --follow poste 2>&1"),
        ("watch", "journalctl --no-pager --unit=poste-watch.service --lines=20 --follow"),
        ("backup", "journalctl --no-pager --unit=poste-backup.service --lines=20 --follow"),
        ("certificate", "journalctl --no-pager --unit=poste-certificate.service --lines=20 --follow"),
        ("cloud-init", "tail --lines=20 -F /var/log/cloud-init-output.log"),
    ],
)
def test_what_is_asked_of_the_server_for_each_log(service: str, line: str) -> None:
    assert logs.SERVICES[service][0](20, True) == line


@pytest.mark.parametrize("arguments", [["nonsense"], ["--lines", "-1"], ["--follow", "--json"]])
def test_a_log_that_cannot_be_shown_so_is_a_wrong_command_line(arguments: list[str], server: Machine) -> None:
    with pytest.raises(SystemExit) as end:
        logs.main(["--stack", "test", *arguments])
    assert end.value.code == 2
    assert server.asked == []
