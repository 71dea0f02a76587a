"""`./run mail`: one command, with options, exit statuses and JSON that are the same for all that it can do."""

import json
from collections.abc import Sequence

import pytest

from operate.__main__ import COMMANDS, main
from operate.workflow import engine
from operate.workflow.summary.changes import Change, Preview, Verb

CHANGED = Preview([Change(Verb.CHANGE, "cloudflare:index/dnsRecord:DnsRecord", "a-mx", properties=("content",))], 3)


def status(arguments: Sequence[str]) -> int:
    """The exit status, whether a command returns it or the reader of its options ends the program with it."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_help_lists_all_commands_with_what_each_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["--help"]) == 0
    told = capsys.readouterr().out
    for name, (_module, meaning) in COMMANDS.items():
        assert f"  {name} " in told
        assert meaning in told


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_takes_a_stack_and_can_answer_in_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: ./run mail {command} ")
    assert ("--stack NAME" in told) is (command != "benchmark")  # which makes stacks of its own
    assert "--json" in told


@pytest.mark.parametrize("arguments", [[], ["verfy"], ["verify"], ["drift", "--stack", "prod", "--fix"]])
def test_a_wrong_command_line_is_told_and_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ./run mail ")


@pytest.mark.parametrize(
    ("command", "found", "expected"),
    [
        ("preview", CHANGED, 0),
        ("preview", Preview([], errors=["no"]), 1),
        ("drift", Preview([], 4), 0),
        ("drift", CHANGED, 3),
        ("drift", Preview([], errors=["no"]), 1),
    ],
)
def test_what_was_found_is_one_json_object_and_shows_in_the_exit_status(
    command: str, found: Preview, expected: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(engine, "preview", lambda _stack, **_options: found)
    assert status([command, "--stack", "prod", "--json"]) == expected
    assert json.loads(capsys.readouterr().out) == {"stack": "prod", **found.json()}
