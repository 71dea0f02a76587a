"""What the nightly look at a mail server makes of what verify printed."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operate.workflow import verify


def result(check: str = "dns.mx", status: str = "ok", **changes: Any) -> dict[str, Any]:
    """A result as `verify --json` prints it."""
    return {
        "check": check,
        "subject": "family.example",
        "status": status,
        "required": True,
        "found": "mx.other.example",
        "expected": "mail.family.example",
        "why": "It says where the domain's mail goes.",
        "remedy": "pulumi up --refresh --stack prod",
    } | changes


def judged(*results: dict[str, Any], errors: str = "") -> tuple[int, str]:
    return verify.judged("prod", json.dumps({"stack": "prod", "ok": False, "results": results}), errors)


def test_where_all_required_checks_hold_there_is_nothing_to_say() -> None:
    noted = result("reputation.listed", "fail", required=False), result("server.reboot", "unknown", required=False)
    assert judged(result(), result(status="warn"), *noted) == (0, "")


def test_what_fails_is_told_with_why_and_what_to_do_and_what_is_well_is_not() -> None:
    status, text = judged(result("dns.mx", "fail"), result("dns.spf"), result("smtp.size", "fail", required=False))
    assert status == 3
    assert (
        "**`dns.mx`** for `family.example`\n"
        "- is: `mx.other.example`\n"
        "- should be: `mail.family.example`\n"
        "- why it matters: It says where the domain's mail goes.\n"
        "- what to do: `pulumi up --refresh --stack prod`\n"
    ) in text
    assert "`./run mail verify --stack prod`" in text
    assert "dns.spf" not in text
    assert "smtp.size" not in text
    assert "Could not be found out" not in text


def test_what_is_the_same_for_several_is_told_once_in_the_order_of_the_checks() -> None:
    closed = [result("ports.open", "fail", subject=subject, found="closed") for subject in ("IPv4 25", "IPv6 25")]
    _, text = judged(*closed, result("dns.mx", "fail"), result("ports.open", "fail", subject="IPv4 993", found="slow"))
    assert text.index("**`ports.open`** for `IPv4 25`, `IPv6 25`\n") < text.index("dns.mx") < text.index("`IPv4 993`")


def test_what_could_not_be_found_out_is_no_failure_and_stands_apart_beside_one() -> None:
    dark = result("container.healthy", "unknown", found="SSH to 198.51.100.1: refused", expected="")
    status, text = judged(result(), dark)
    assert status == 1
    assert text.startswith("It could not be found out whether the mail server of stack `prod` works")
    assert "- is: `SSH to 198.51.100.1: refused`\n- why" in text
    status, text = judged(dark, result("dns.mx", "fail"))
    assert status == 3
    red, _, rest = text.partition("### Could not be found out")
    assert ("dns.mx" in red, "container.healthy" in red, "container.healthy" in rest) == (True, False, True)


@pytest.mark.parametrize("output", ["", "Traceback"])
def test_a_verify_that_printed_no_results_could_not_look_for_the_reason_it_gave(output: str) -> None:
    status, text = verify.judged("prod", output, "error: no stack named 'prod' found ```\n")
    assert status == 1
    assert text.endswith("````text\nerror: no stack named 'prod' found ```\n````\n")
    assert "verify ended without a word" in verify.judged("prod", output, " ")[1]


def test_what_strangers_may_have_written_mentions_nobody_and_links_nowhere() -> None:
    greeting = "220 `@octocat` [here](https://other.example)\n# <b>"
    _, text = judged(result("smtp.greeting", "fail", found=greeting))
    assert "- is: `` 220 `@octocat` [here](https://other.example) # <b> ``\n" in text


def test_who_may_read_the_repository_learns_nobodys_address() -> None:
    about = {"subject": "ann@family.example", "found": "bob@family.example: no", "remedy": "Ask `eve@family.example`"}
    for status in ("fail", "unknown"):
        _, text = judged(result("mail.imap", status, **about))
        assert "for `…@family.example`\n- is: `…@family.example: no`" in text
        assert not re.search(r"\w@", text)


def test_the_real_command_is_run_with_patience_and_its_end_is_the_steps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command[1:])
        output = json.dumps({"results": [result(status="fail")]})
        return subprocess.CompletedProcess(command, 1, output, "not yet: dns.mx for ann@family.example\n")

    monkeypatch.setattr(subprocess, "run", run)
    file = tmp_path / "verify.md"
    assert verify.main(["--stack", "prod", "--output", str(file), "--ipv4"]) == 3
    assert commands == [["-m", "operate", "verify", "--json", "--watch", "300", "--stack", "prod", "--ipv4"]]
    assert "dns.mx" in file.read_text()
    assert capsys.readouterr().err == "not yet: dns.mx for …@family.example\n"


def test_without_a_stack_that_can_be_read_the_real_command_ends_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    file = tmp_path / "verify.md"
    assert verify.main(["--stack", "nowhere", "--output", str(file)]) == 1
    assert "It could not be found out whether the mail server of stack `nowhere` works" in file.read_text()
    assert "nowhere" in file.read_text().partition("```text")[2]
