"""When a deploy begins: not after one that was cut off. What repair finds is given; the rest is the real command."""

import json
import subprocess
from collections.abc import Callable

import pytest

from operate.workflow import deploy, engine

KEY = {"kind": "SSH key", "id": "7"}
MX = {"urn": "urn:pulumi:prod::poste-mail::cloudflare:index/dnsRecord:DnsRecord::mx", "id": "1"}
AGREED: dict[str, list[dict[str, str]]] = {"unknown": [], "gone": [], "interrupted": []}

Repair = Callable[[int, str], None]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that the engine was asked to deploy."""
    stacks: list[str] = []

    def up(stack: str, *, refresh: bool) -> int:
        stacks.append(stack)
        return 0

    monkeypatch.setattr(engine, "up", up)
    return stacks


@pytest.fixture
def repair(monkeypatch: pytest.MonkeyPatch) -> Repair:
    """Has repair end with a status and print a text."""

    def answer(status: int, text: str) -> None:
        done = subprocess.CompletedProcess[str]([], status, text)
        monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_options: done)

    return answer


@pytest.mark.parametrize(("status", "found"), [(0, {}), (3, {"gone": [MX]})])
def test_where_nothing_was_left_behind_the_stack_is_deployed_what_is_gone_is_made_anew(
    deployed: list[str], repair: Repair, status: int, found: dict[str, list[dict[str, str]]]
) -> None:
    repair(status, json.dumps({"stack": "prod"} | AGREED | found))
    assert deploy.main(["--stack", "prod", "--refresh"]) == 0
    assert deployed == ["prod"]


@pytest.mark.parametrize("kind", ["unknown", "interrupted"])
def test_after_a_deploy_that_was_cut_off_nothing_is_deployed_and_the_command_that_repairs_is_named(
    deployed: list[str], repair: Repair, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    repair(3, json.dumps({"stack": "prod"} | AGREED | {kind: [KEY]}))
    assert deploy.main(["--stack", "prod"]) == 1
    assert deployed == []
    assert "`./run mail repair --stack prod`" in capsys.readouterr().out


def test_where_it_could_not_be_found_out_nothing_is_deployed(deployed: list[str], repair: Repair) -> None:
    repair(1, "")
    assert deploy.main(["--stack", "prod"]) == 1
    assert deployed == []
