"""The stand-in for Pulumi's command plugin, against an SSH server on loopback that runs what it is asked to."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pulumi.runtime import rpc

from offline.toolchain.plugins.command.provider import CommandProvider
from offline.toolchain.plugins.command.server import AssetServicer
from tests.support.free_port import free_port
from tests.support.machine import Machine
from tests.support.plugin_engine import ARCHIVE, SECRET, SIGNATURE, Engine, Refused, archive, asset, secret
from tests.support.ssh_visits import Visited

COMMAND = "urn:pulumi:dev::poste-mail::command:remote:Command::greet"
PLAIN = {"addPreviousOutputInEnv": False}
COPY = "urn:pulumi:dev::poste-mail::command:remote:CopyToRemote::files"


@dataclass
class Log:
    """The engine's log."""

    lines: list[str] = field(default_factory=list)

    def status(self, _urn: str, message: str) -> None:
        self.lines.append(message)


class Proxy(Machine):
    """One that knows hosts by other names: where it connects to on loopback for each."""

    def __init__(self, hosts: dict[str, int]) -> None:
        super().__init__()
        self.hosts = hosts
        self.asked_for: list[tuple[str, int]] = []

    def __enter__(self) -> "Proxy":
        super().__enter__()
        return self

    def server(self) -> Visited:
        return ProxyServer(self)


class ProxyServer(Visited):
    """Connects to the hosts that its proxy knows."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy.visits)
        self.proxy = proxy

    async def connection_requested(self, host: str, port: int, _from: str, _from_port: int) -> Any:
        self.proxy.asked_for.append((host, port))
        return await self.connection.forward_connection("127.0.0.1", self.proxy.hosts[host])


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as running:
        yield running


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def engine(log: Log) -> Engine:
    engine = Engine(AssetServicer([], "1.2.1", CommandProvider(log), ""))  # type: ignore[arg-type]
    engine.configure({})
    return engine


def test_a_command_runs_and_its_output_becomes_outputs_without_the_last_newline(
    machine: Machine, engine: Engine
) -> None:
    id_, state = engine.create(
        COMMAND, {**PLAIN, "connection": machine.connection(), "create": "printf 'a\\nb\\n\\n'; echo no >&2"}
    )
    assert (state["stdout"], state["stderr"]) == ("a\nb\n", "no")
    assert id_.startswith("greet")
    assert len(id_) == len("greet") + 8


def test_the_connection_is_complete_and_secret_in_inputs_and_state(machine: Machine, engine: Engine) -> None:
    inputs: dict[str, Any] = {**PLAIN, "connection": machine.connection(), "create": "true"}
    checked = engine.checked(COMMAND, inputs)["connection"]
    assert checked[SIGNATURE] == SECRET
    complete = inputs["connection"] | {"user": "root", "dialErrorLimit": 10, "perDialTimeout": 15}
    assert checked["value"] == complete | {"privateKey": secret(complete["privateKey"])}
    _, state = engine.create(COMMAND, inputs)
    assert state["connection"] == secret(complete)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"create": "true"}, '"connection" is required'),
        ({**PLAIN, "connection": {"user": "root"}}, "connection.host"),
        ({**PLAIN, "connection": {"host": "a", "proxy": {"host": "b", "password": "c"}}}, "connection.proxy.password"),
        ({**PLAIN, "connection": {"host": "a", "proxy": {"user": "b"}}}, "connection.proxy.host"),
        ({**PLAIN, "connection": {"host": "a", "password": "b"}}, "connection.password"),
        ({**PLAIN, "connection": {"host": "a", "agentSocketPath": "b"}}, "connection.agentSocketPath"),
        ({**PLAIN, "connection": {"host": "a"}, "creat": "true"}, "Invalid or unknown key"),
        ({**PLAIN, "connection": {"host": "a", "hostkey": "b"}}, "Invalid or unknown key"),
        ({**PLAIN, "connection": {"host": "a", "port": "ssh"}}, "expected number type"),
        ({**PLAIN, "connection": {"host": "a"}, "logging": "none"}, "greet.logging"),
        ({**PLAIN, "connection": {"host": "a"}, "environment": {"A": "b"}}, "greet.environment"),
        ({"connection": {"host": "a"}}, "greet.addPreviousOutputInEnv"),
    ],
)
def test_inputs_that_the_real_plugin_refuses_or_the_stand_in_does_not_have_are_refused(
    engine: Engine, inputs: dict[str, Any], message: str
) -> None:
    _, failures = engine.check(COMMAND, inputs)
    assert len(failures) == 1
    assert message in failures[0]


def test_the_expected_host_key_is_let_through_and_another_one_refused(machine: Machine, engine: Engine) -> None:
    right = machine.host_key.export_public_key().decode()
    _, state = engine.create(COMMAND, {**PLAIN, "connection": machine.connection(hostKey=right), "create": "echo ok"})
    assert state["stdout"] == "ok"
    wrong = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    connection = machine.connection(hostKey=wrong, dialErrorLimit=0)
    with pytest.raises(Refused, match=r"host key mismatch.*connection\.hostKey"):
        engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "echo never"})
    other_type = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    connection = machine.connection(hostKey=other_type, dialErrorLimit=0)
    # Which side notices first, and so what is said, is a race.
    with pytest.raises(Refused, match="no SSH connection"):
        engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "echo never"})
    assert machine.asked == ["echo ok"]


@pytest.mark.parametrize("connection", [{"host": "198.18.0.77"}, {"host": "vps"}])
@pytest.mark.parametrize("kind", [COMMAND, COPY])
def test_a_host_that_is_not_on_this_machine_is_refused_before_anything_is_dialled(
    engine: Engine, tmp_path: Path, connection: dict[str, Any], kind: str
) -> None:
    (tmp_path / "file").touch()
    copied = {"source": asset(path=str(tmp_path / "file")), "remotePath": "/file"}
    with pytest.raises(Refused, match=r"stand-in for the command plugin.*install Pulumi's own"):
        engine.create(kind, {"connection": connection} | ({**PLAIN, "create": "true"} if kind == COMMAND else copied))


@pytest.mark.parametrize("kind", [COMMAND, COPY])
def test_a_host_behind_a_proxy_is_looked_up_and_connected_to_by_the_proxy(
    machine: Machine, engine: Engine, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "a").write_text("content")
    with Proxy({"box.example": machine.port}) as proxy:
        through = proxy.connection(hostKey=proxy.host_key.export_public_key().decode())
        connection = machine.connection(host="box.example", port=23, proxy=through)
        wanted: dict[str, dict[str, Any]] = {
            COMMAND: {**PLAIN, "create": "echo here"},
            COPY: {"source": asset(path=str(tmp_path / "a"), hash="1"), "remotePath": f"{tmp_path}/b"},
        }
        _, state = engine.create(kind, {"connection": connection, **wanted[kind]})
        assert proxy.asked_for == [("box.example", 23)]
    assert state["stdout"] == "here" if kind == COMMAND else (tmp_path / "b").read_text() == "content"


def test_the_proxys_connection_is_complete_too_and_its_key_secret(machine: Machine, engine: Engine) -> None:
    given = machine.connection(host="box.example", proxy={"host": "127.0.0.1", "privateKey": "key"})
    checked = engine.checked(COMMAND, {**PLAIN, "connection": given, "create": "true"})["connection"]["value"]
    complete = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert checked["proxy"] == {"host": "127.0.0.1", "privateKey": secret("key"), **complete}


def test_a_proxy_that_does_not_let_us_in_or_on_is_named(machine: Machine, engine: Engine) -> None:
    def refusal(**through: Any) -> str:
        connection = machine.connection(host="box.example", dialErrorLimit=1, proxy=proxy.connection(**through))
        with pytest.raises(Refused) as refused:
            engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "true"})
        return str(refused.value)

    with Proxy({"box.example": free_port()}) as proxy:
        wrong = machine.host_key.export_public_key().decode()
        assert "no SSH connection to the proxy root@127.0.0.1" in refusal(hostKey=wrong)
        assert "connection.proxy.hostKey" in refusal(hostKey=wrong)
        assert "connection.proxy.privateKey cannot be read" in refusal(privateKey="hush")
        assert "to root@box.example" in refusal()
        assert "Connect call failed" in refusal()
        assert "198.18.0.77 is neither" in refusal(host="198.18.0.77")


def test_unreadable_keys_fail_at_once_and_are_not_shown(engine: Engine) -> None:
    connection = {"host": "127.0.0.1", "privateKey": "hush", "dialErrorLimit": -1}
    with pytest.raises(Refused, match=r"connection\.privateKey") as error:
        engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "true"})
    assert "hush" not in str(error.value)
    with pytest.raises(Refused, match=r"connection\.hostKey"):
        engine.create(COMMAND, {**PLAIN, "connection": {"host": "127.0.0.1", "hostKey": "?"}, "create": "true"})


def test_an_ssh_server_that_comes_up_late_is_waited_for(engine: Engine, log: Log) -> None:
    late = Machine(port=free_port())
    with ExitStack() as stack:

        def start() -> None:
            while len(log.lines) < 2:
                time.sleep(0.02)
            stack.enter_context(late)

        starter = threading.Thread(target=start)
        starter.start()
        connection = late.connection(dialErrorLimit=-1)
        _, state = engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "echo up"})
        starter.join()
    assert state["stdout"] == "up"
    assert log.lines[:2] == ["Dial 1/inf failed: retrying", "Dial 2/inf failed: retrying"]


def test_the_dial_error_limit_is_the_number_of_failures_forgiven(machine: Machine, engine: Engine) -> None:
    wrong = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Refused, match="after 2 failed attempts"):
        engine.create(
            COMMAND, {**PLAIN, "connection": machine.connection(hostKey=wrong, dialErrorLimit=2), "create": "true"}
        )
    assert machine.attempts == 3


def test_the_operations_timeout_ends_unlimited_dialling_and_says_why(engine: Engine) -> None:
    connection = {"host": "127.0.0.1", "port": free_port(), "dialErrorLimit": -1}
    started = time.monotonic()
    with pytest.raises(Refused, match=r"customTimeouts.*Connect call failed"):
        engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "true"}, timeout=1)
    assert time.monotonic() - started < 30


def test_a_host_that_accepts_but_never_answers_costs_only_the_per_dial_timeout(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = {"host": "127.0.0.1", "port": silent.getsockname()[1], "dialErrorLimit": 0, "perDialTimeout": 1}
        with pytest.raises(Refused, match="perDialTimeout"):
            engine.create(COMMAND, {**PLAIN, "connection": connection, "create": "true"})


def test_an_update_runs_update_or_else_create(machine: Machine, engine: Engine) -> None:
    inputs = {**PLAIN, "connection": machine.connection(), "create": "echo one"}
    _, state = engine.create(COMMAND, inputs)
    assert engine.update(COMMAND, "1", state, inputs | {"update": "echo two"})["stdout"] == "two"
    assert engine.update(COMMAND, "1", state, inputs)["stdout"] == "one"
    assert machine.asked == ["echo one", "echo two", "echo one"]


def test_a_delete_runs_delete_with_the_connection_of_the_state(machine: Machine, engine: Engine) -> None:
    _, state = engine.create(
        COMMAND, {**PLAIN, "connection": machine.connection(), "create": "true", "delete": "echo bye"}
    )
    engine.delete(COMMAND, "1", state)
    assert machine.asked == ["true", "echo bye"]


def test_nothing_to_run_needs_no_connection(engine: Engine) -> None:
    inputs = {**PLAIN, "connection": {"host": "127.0.0.1", "port": free_port()}, "update": "true"}
    _, state = engine.create(COMMAND, inputs)
    assert (state["stdout"], state["stderr"]) == ("", "")
    engine.delete(COMMAND, "1", state)


def test_a_secret_on_standard_input_reaches_the_command_and_neither_log_nor_error(
    machine: Machine, engine: Engine, log: Log
) -> None:
    inputs = {**PLAIN, "connection": machine.connection(), "create": "wc -c", "stdin": secret("hunter2")}
    _, state = engine.create(COMMAND, inputs)
    assert state["stdout"] == "7"
    assert state["stdin"] == secret("hunter2")
    with pytest.raises(Refused) as error:
        engine.create(COMMAND, inputs | {"create": "cat >/dev/null; false"})
    assert "hunter2" not in str(error.value) + "".join(log.lines)


def test_the_engine_shows_what_a_command_prints_while_it_runs(machine: Machine, engine: Engine, log: Log) -> None:
    inputs = {**PLAIN, "connection": machine.connection(), "create": "echo out; sleep 0.1; printf err >&2"}
    _, state = engine.create(COMMAND, inputs)
    assert set(log.lines) == {"out", "err"}
    assert (state["stdout"], state["stderr"]) == ("out", "err")


def test_a_command_that_fails_is_an_error_with_its_status_and_output(machine: Machine, engine: Engine) -> None:
    with pytest.raises(Refused, match=r'exited with status 3: running "echo so; echo why >&2; exit 3":') as error:
        engine.create(COMMAND, {**PLAIN, "connection": machine.connection(), "create": "echo so; echo why >&2; exit 3"})
    assert "so\n" in str(error.value)
    assert "why\n" in str(error.value)


def test_triggers_that_come_or_go_replace_other_changes_update_and_no_change_does_nothing(
    machine: Machine, engine: Engine
) -> None:
    inputs = {
        **PLAIN,
        "connection": machine.connection(),
        "create": "true",
        "triggers": [1, asset(text="x", hash="h1")],
    }
    _, state = engine.create(COMMAND, inputs)
    # The engine tells of recorded assets nothing but their hash.
    state["triggers"][1] = asset(hash="h1")
    assert not engine.diff(COMMAND, state, inputs).diffs
    diff = engine.diff(COMMAND, state, {name: value for name, value in inputs.items() if name != "triggers"})
    assert (list(diff.replaces), diff.deleteBeforeReplace) == (["triggers"], False)
    # That another trigger replaces is the doing of the SDK, which asks the engine for it by these paths.
    for triggers, path in (
        ([2, asset(hash="h1")], "triggers[0]"),
        ([1, asset(hash="h2")], "triggers[1]"),
        ([1], "triggers[1]"),
    ):
        diff = engine.diff(COMMAND, state, inputs | {"triggers": triggers})
        assert ([*diff.replaces], [found.partition(".")[0] for found in diff.detailedDiff]) == ([], [path])
    for change in ({"create": "false"}, {"connection": machine.connection(dialErrorLimit=-1)}, {"stdin": "y"}):
        diff = engine.diff(COMMAND, state, inputs | change)
        assert (list(diff.replaces), list(diff.diffs)) == ([], list(change))


def test_a_preview_does_not_connect_and_leaves_the_output_open(engine: Engine) -> None:
    inputs = {**PLAIN, "connection": {"host": rpc.UNKNOWN}, "create": "true"}
    _, state = engine.create(COMMAND, inputs, preview=True)
    assert (state["stdout"], state["stderr"]) == (rpc.UNKNOWN, rpc.UNKNOWN)
    old = {**PLAIN, "connection": {"host": "a"}, "create": "false", "stdout": "one", "stderr": ""}
    state = engine.update(COMMAND, "1", old, inputs, preview=True)
    assert (state["stdout"], state["create"]) == (rpc.UNKNOWN, "true")


def test_an_interrupt_ends_the_remote_command(machine: Machine, engine: Engine) -> None:
    def interrupt() -> None:
        while not machine.asked:
            time.sleep(0.02)
        engine.cancel()

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(Refused, match="interrupted"):
        engine.create(COMMAND, {**PLAIN, "connection": machine.connection(), "create": "exec sleep 600"})
    interrupter.join()
    deadline = time.monotonic() + 60
    while not machine.ended and time.monotonic() < deadline:
        time.sleep(0.02)
    assert machine.ended == ["exec sleep 600"]


@pytest.mark.parametrize(
    ("source", "remote", "expected"),
    [
        ("dir/a", "there", {"there/a"}),
        ("dir/a", "new/deep/c", {"new/deep/c"}),
        ("dir/a", "file", {"file"}),
    ],
)
def test_where_a_copy_arrives_depends_on_what_is_there(
    machine: Machine, engine: Engine, tmp_path: Path, source: str, remote: str, expected: set[str]
) -> None:
    target = sources_and_target(tmp_path)
    engine.create(
        COPY,
        {
            "connection": machine.connection(),
            "source": asset(path=str(tmp_path) + "/" + source, hash="h"),
            "remotePath": f"{target}/{remote}",
        },
    )
    files = {str(p.relative_to(target)): p.read_text() for p in target.rglob("*") if p.is_file()}
    assert {name for name, text in files.items() if text == "A"} == expected


def test_a_copy_is_made_again_only_if_content_or_path_has_changed(
    machine: Machine, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    first, second = asset(path=f"{tmp_path}/one", hash="h1"), asset(path=f"{tmp_path}/two", hash="h2")
    inputs = {"connection": machine.connection(), "source": first, "remotePath": f"{tmp_path}/a"}
    _, state = engine.create(COPY, inputs)
    assert state["source"] == inputs["source"]
    recorded = state | {"source": asset(hash="h1")}
    assert not engine.diff(COPY, recorded, inputs).diffs
    assert list(engine.diff(COPY, recorded, inputs | {"source": second}).diffs) == ["source"]
    assert list(engine.diff(COPY, recorded, inputs | {"triggers": [1]}).replaces) == ["triggers"]
    (tmp_path / "a").write_text("changed by hand")
    engine.update(COPY, "1", recorded, inputs | {"connection": machine.connection(dialErrorLimit=3)})
    assert (tmp_path / "a").read_text() == "changed by hand"
    engine.update(COPY, "1", recorded, inputs | {"source": second})
    assert (tmp_path / "a").read_text() == "2"
    engine.update(COPY, "1", recorded, inputs | {"remotePath": f"{tmp_path}/b"})
    assert (tmp_path / "b").read_text() == "1"


@pytest.mark.parametrize(
    "source",
    [
        asset(text="a"),
        asset(uri="file:///a"),
        archive(path="/a"),
        {SIGNATURE: ARCHIVE, "assets": {"a": asset(text="x")}},
        "text",
    ],
)
def test_other_sources_are_refused(engine: Engine, source: Any) -> None:
    _, failures = engine.check(COPY, {"connection": {"host": "a"}, "source": source, "remotePath": "/a"})
    assert len(failures) == 1
    assert "Examine values at 'files.source'" in failures[0]


def sources_and_target(folder: Path) -> Path:
    """`dir/a` to copy, and a target folder with the directory `there` and the file `file` in it."""
    (folder / "dir").mkdir()
    (folder / "dir/a").write_text("A")
    (folder / "target/there").mkdir(parents=True)
    (folder / "target/file").write_text("old")
    return folder / "target"


LOCAL = "urn:pulumi:dev::poste-mail::command:local:Command::here"


def test_a_local_command_runs_on_this_machine_when_it_is_deleted(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "note").touch()
    id_, state = engine.create(LOCAL, {"delete": f"rm {tmp_path}/note", "triggers": ["a"]})
    assert (tmp_path / "note").exists()
    engine.delete(LOCAL, id_, state)
    assert not (tmp_path / "note").exists()


def test_a_local_command_that_fails_says_what_it_printed(engine: Engine) -> None:
    id_, state = engine.create(LOCAL, {"delete": "echo no such thing >&2; exit 3"})
    with pytest.raises(Refused, match=r"(?s)exited with status 3: running .*no such thing"):
        engine.delete(LOCAL, id_, state)


@pytest.mark.parametrize("name", ["create", "update", "dir"])
def test_a_local_command_is_refused_when_it_is_to_run_otherwise(engine: Engine, name: str) -> None:
    (failure,) = engine.check(LOCAL, {"delete": "true", name: "true"})[1]
    assert failure == f"not supported by this offline stand-in for the plugin. Examine values at 'here.{name}'."
