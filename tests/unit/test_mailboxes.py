"""`./run mail mailbox`: mailboxes and aliases in the settings, their passwords, and what Poste has beside them."""

import io
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import accounts_file
from model.values import password_lacks
from operate.__main__ import main
from operate.clouds.cloudflare import Zone
from operate.errors import StackError
from operate.mailboxes import server
from operate.mailboxes.server import There
from operate.mailboxes.yaml_text import UnchangeableError, rewritten
from operate.stacks.offers import Box
from operate.stacks.server_choice import Offer
from operate.verify.server_shell import SCRIPT, ShellError
from tests.support import pulumi_on_paper
from tests.support.examples import IMAGE, VALUES
from tests.support.pulumi_on_paper import revealed, secured
from tests.support.serving import serving

ANN, BEN = "ann@example.com", "ben@example.com"
GOOD = "Typed-By-Ann-1"
FILE = """\
# The family
example.com:
  mailboxes:
    - address: ann@example.com  # since 2019
      name: Ann
    # our neighbour
    - {address: ben@example.com}
  aliases:
    info@example.com: [ann@example.com, ben@example.com]  # both
"""


class Place:
    """A project with one stack, whose Pulumi is one on paper."""

    def __init__(self, folder: Path) -> None:
        self.config_file = folder / "Pulumi.prod.yaml"
        self.accounts = folder / "accounts" / "prod.yaml"
        self.calls = folder / "calls"
        self.folder = folder
        secrets = ("adminPassword", "sshPrivateKey", "sshHostKey")
        values = {key: secured(value) if key in secrets else value for key, value in VALUES.items()}
        config = {f"poste-mail:{key}": value for key, value in values.items()}
        self.config_file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))

    def set(self, **values: Any) -> None:
        content = yaml.safe_load(self.config_file.read_text())
        content["config"] |= {f"poste-mail:{key}": value for key, value in values.items()}
        self.config_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def get(self, key: str) -> Any:
        return revealed(yaml.safe_load(self.config_file.read_text())["config"].get(f"poste-mail:{key}"))

    def write_accounts(self, text: str) -> None:
        self.accounts.parent.mkdir(exist_ok=True)
        self.accounts.write_text(text)

    def read_accounts(self) -> Any:
        return yaml.safe_load(self.accounts.read_text())

    def files(self) -> dict[str, bytes | None]:
        return {file.name: file.read_bytes() if file.exists() else None for file in (self.config_file, self.accounts)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "Pulumi.yaml").write_text("name: poste-mail\n")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", pulumi_on_paper.put_on_path(tmp_path / "bin", os.environ["PATH"]))
    monkeypatch.setattr(accounts_file, "FOLDER", tmp_path / "accounts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for variable in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return Place(tmp_path)


def mailbox(*arguments: str) -> int:
    return main(["mailbox", *arguments, "--stack", "prod"])


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """From now on there is a person at a terminal, who types these where nothing is shown."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    answers = iter(lines)
    monkeypatch.setattr("getpass.getpass", lambda _question: next(answers))


def test_a_mailbox_is_written_into_the_file_of_accounts_and_its_password_is_a_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GOOD}\n"))
    flags = ("--name", "Ann", "--quota-mb", "500", "--quota-messages", "7", "--administrator", "--internal-only")
    assert mailbox("add", "Ann@Example.com", *flags, "--password-stdin") == 0
    assert place.read_accounts() == {
        "example.com": {
            "mailboxes": [
                {
                    "address": ANN,
                    "name": "Ann",
                    "quotaMb": 500,
                    "quotaMessages": 7,
                    "administrator": True,
                    "internalOnly": True,
                }
            ]
        }
    }
    assert place.get("passwords") == {ANN: GOOD}
    assert GOOD not in place.calls.read_text()
    told = capsys.readouterr().out
    assert "pulumi up --stack prod" in told
    assert GOOD not in told


def test_a_password_that_is_made_is_shown_to_programs_and_at_a_terminal_and_to_no_log(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mailbox("add", ANN, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["password"] == place.get("passwords")[ANN]
    assert not password_lacks(told["password"])
    assert told["changed"] == ["accounts/prod.yaml"]
    assert mailbox("add", BEN) == 0
    made = place.get("passwords")[BEN]
    said = capsys.readouterr().out
    assert made not in said
    assert f"./run pulumi config get --path 'passwords[\"{BEN}\"]' --stack prod" in said
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert mailbox("add", "cleo@example.com") == 0
    assert place.get("passwords")["cleo@example.com"] in capsys.readouterr().out


def test_a_person_types_the_password_twice_or_has_one_made(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, GOOD, GOOD)
    assert mailbox("add", ANN) == 0
    assert place.get("passwords") == {ANN: GOOD}
    before = place.files()
    typed(monkeypatch, GOOD, f"{GOOD}x")
    assert mailbox("add", BEN) == 1
    assert "not the same" in capsys.readouterr().err
    assert place.files() == before
    typed(monkeypatch, "")
    assert mailbox("add", BEN) == 0
    assert not password_lacks(place.get("passwords")[BEN])


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["add", ANN], "", "is in the settings already"),
        (["add", "x@example.org"], "", "example.org: is none of the stack's domains (example.com)"),
        (["add", "info@example.com"], "", "is in the settings already"),
        (["add", "x@example.com", "--password-stdin"], "weak\n", "Lacks at least 10 characters"),
        (["add", "x@example.com", "--password-stdin"], "", "Lacks at least 10 characters"),
        (["add", "x@example.com", "--quota-mb", "-1"], "", "quotaMb: -1: Expected greater than or equal to 0"),
        (["add", "x@example.com", "--adopt", "--password-stdin"], GOOD, "keeps the password that it has"),
        (["alias", ANN, BEN], "", "ann@example.com is there more than once"),
        (["alias", "a@example.com", "b"], "", "Expected an e-mail address"),
        (["alias", "info@example.com", "info@example.com"], "", "leads to info@example.com"),
        (["alias", "x@example.com", "*@example.org"], "", "Expected a domain of this stack"),
        (["alias", "x@example.com", "--remove"], "", "is no alias of the settings"),
        (["alias", "info@example.com", ANN, "--remove"], "", "Expected where the alias leads, or --remove"),
        (["alias", "info@example.com"], "", "Expected where the alias leads, or --remove"),
        (["disable", "x@example.com"], "", "is no mailbox of the settings"),
        (["remove", "x@example.com"], "", "is no mailbox of the settings"),
        (["remove", "admin@example.com"], "", "is adminAddress"),
        (["passwd", "x@example.com"], "", "is no mailbox of the settings"),
    ],
)
def test_what_the_settings_would_refuse_is_refused_and_all_files_stay_as_they_are(
    arguments: list[str],
    stdin: str,
    said: str,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place.write_accounts(FILE)
    before = place.files()
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    assert mailbox(*arguments) == 1
    assert said in capsys.readouterr().err
    assert place.files() == before


def test_where_the_password_cannot_be_kept_no_mailbox_is_left_in_the_settings(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi_on_paper.BROKEN.touch()
    before = place.files()
    assert mailbox("add", ANN) == 2
    assert "pulumi config set failed: error: broken" in capsys.readouterr().err
    assert place.files() == before


@pytest.mark.parametrize("arguments", [["add", "nobody"], ["add"], ["adopt", ANN], [], ["list", "x"]])
def test_a_wrong_command_line_ends_with_2(
    arguments: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        mailbox(*arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ./run mail mailbox ")


def test_a_stack_whose_settings_are_wrong_is_told_all_that_is_and_nothing_is_written(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.set(serverType="x", volumeSize=1)
    assert mailbox("add", ANN) == 1
    said = capsys.readouterr().err
    assert "Configuration of stack prod: 2 mistakes in Pulumi.prod.yaml" in said
    assert not place.accounts.exists()


def test_where_the_configuration_lists_a_domains_mailboxes_they_are_changed_there(place: Place) -> None:
    place.set(domains=[{"name": "example.com", "mailboxes": [{"address": ANN}]}])
    assert mailbox("add", BEN) == 0
    assert mailbox("disable", ANN) == 0
    boxes = [{"address": ANN, "disabled": True}, {"address": BEN}]
    assert place.get("domains") == [{"name": "example.com", "mailboxes": boxes}]
    assert not place.accounts.exists()
    assert mailbox("alias", "info@example.com", ANN) == 0
    assert place.read_accounts() == {"example.com": {"aliases": {"info@example.com": [ANN]}}}


def test_a_mailbox_that_poste_has_is_taken_over_with_the_password_that_it_has(place: Place) -> None:
    assert mailbox("add", ANN, "--adopt") == 0
    assert place.read_accounts() == {"example.com": {"mailboxes": [{"address": ANN}]}}
    assert place.get("passwords") is None


def test_the_administrators_mailbox_gets_no_second_password(place: Place) -> None:
    assert mailbox("add", "admin@example.com", "--name", "The office") == 0
    assert place.get("passwords") is None


def test_a_mailbox_is_disabled_and_enabled_in_the_settings_and_all_else_in_the_file_stays(place: Place) -> None:
    place.write_accounts(FILE)
    assert mailbox("disable", ANN) == 0
    assert place.accounts.read_text() == FILE.replace("      name: Ann\n", "      name: Ann\n      disabled: true\n")
    assert mailbox("enable", ANN) == 0
    assert place.accounts.read_text() == FILE.replace("      name: Ann\n", "      name: Ann\n      disabled: false\n")


def test_a_mailbox_is_taken_off_with_its_password_and_how_to_delete_it_is_told(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)
    place.set(passwords={ANN: secured(GOOD), BEN: secured(GOOD)}, deleteMailboxes=["old@example.com"])
    assert mailbox("remove", BEN) == 0
    said = capsys.readouterr().out
    assert f"info@example.com still leads to {BEN}" in said
    assert mailbox("alias", "info@example.com", "--remove") == 0
    assert "keeps its mail" in said
    assert f"pulumi config set --path 'deleteMailboxes[1]' {BEN} --stack prod" in said
    assert place.get("passwords") == {ANN: GOOD}
    assert mailbox("remove", ANN) == 0
    assert place.get("passwords") is None
    assert place.accounts.read_text() == "# The family\n    # our neighbour\n"


def test_an_alias_is_added_and_led_elsewhere(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_accounts(FILE)
    assert mailbox("alias", "info@example.com", BEN) == 0
    assert mailbox("alias", "all@example.com", "*@example.com", "x@elsewhere.example") == 0
    assert place.accounts.read_text() == FILE.replace("[ann@example.com, ben@example.com]", f"[{BEN}]") + (
        "    all@example.com:\n    - '*@example.com'\n    - x@elsewhere.example\n"
    )
    capsys.readouterr()
    assert mailbox("alias", "info@example.com", BEN) == 0
    assert "It was so already" in capsys.readouterr().out


def test_a_new_password_is_a_secret_and_set_on_the_server_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)
    asked: list[tuple[str, ...]] = []

    async def ask(*arguments: str) -> Any:
        asked.append(arguments)
        return {"set": True}

    monkeypatch.setattr(server, "_ask", ask)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GOOD}\n"))
    assert mailbox("passwd", ANN, "--password-stdin") == 0
    assert asked == [("prod", "set_password", ANN, GOOD)]
    assert place.get("passwords") == {ANN: GOOD}
    told = capsys.readouterr()
    assert "on the server" in told.out
    assert GOOD not in told.out + told.err + place.calls.read_text()


@pytest.mark.parametrize("answer", [{"set": False}, StackError("Stack prod has no output ipv4.")])
def test_a_mailbox_that_no_deploy_has_made_yet_gets_its_new_password_with_that(
    answer: Any, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)

    async def ask(*_arguments: str) -> Any:
        if isinstance(answer, StackError):
            raise answer
        return answer

    monkeypatch.setattr(server, "_ask", ask)
    assert mailbox("passwd", ANN) == 0
    assert "gets it when a deploy makes the mailbox" in capsys.readouterr().out
    assert list(place.get("passwords")) == [ANN]


def test_where_the_server_cannot_be_asked_the_kept_password_stays_what_it_was(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)
    place.set(passwords={ANN: secured(GOOD)})

    async def ask(*_arguments: str) -> Any:
        raise ShellError("SSH to 198.51.100.7: refused")

    monkeypatch.setattr(server, "_ask", ask)
    assert mailbox("passwd", ANN) == 1
    assert "The password was not changed. SSH to 198.51.100.7: refused" in capsys.readouterr().err
    assert place.get("passwords") == {ANN: GOOD}


def test_the_administrators_password_is_changed_by_a_deploy(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailbox("passwd", "admin@example.com") == 0
    said = capsys.readouterr().out
    assert "adminPassword" in said
    assert "pulumi up --stack prod" in said
    assert place.get("adminPassword") != VALUES["adminPassword"]
    assert place.get("passwords") is None


def test_passwords_that_are_stored_as_one_secret_are_not_overwritten(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)
    place.set(passwords=secured(json.dumps({ANN: GOOD})))
    before = place.files()
    assert mailbox("add", "x@example.com") == 2
    assert "as one secret" in capsys.readouterr().err
    assert place.files() == before


def test_the_list_shows_the_settings_and_what_poste_has_beside_them(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_accounts(FILE)
    boxes = {
        ANN: {"address": ANN, "disabled": True},
        "old@example.com": {"address": "old@example.com", "disabled": False},
    }
    monkeypatch.setattr("operate.mailboxes.command.there", lambda _stack: There(boxes))
    assert mailbox("list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "ann@example.com         mailbox, Ann, disabled in Poste",
        "ben@example.com         mailbox, not in Poste yet: deploy",
        "info@example.com        leads to ann@example.com, ben@example.com, not in Poste yet: deploy",
        "abuse@example.com       leads to admin@example.com, of its own accord, not in Poste yet: deploy",
        "postmaster@example.com  leads to admin@example.com, of its own accord, not in Poste yet: deploy",
        "admin@example.com       mailbox, adminAddress, not in Poste yet: deploy",
        "In Poste alone, and left alone (./run mail mailbox add ADDRESS --adopt takes one over):",
        "old@example.com         mailbox",
    ]
    assert mailbox("list", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["besideInPoste"] == [{"address": "old@example.com", "leadsTo": [], "disabled": False}]
    assert told["accounts"][0] == {
        "address": ANN,
        "name": "Ann",
        "administratorOfStack": False,
        "inPoste": True,
        "disabledInPoste": True,
    }


def test_the_list_says_why_the_server_was_not_asked(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_accounts(FILE)
    assert mailbox("list") == 0
    assert "What Poste has is not known: Stack prod has no output ipv4. Deploy it first" in capsys.readouterr().out
    assert mailbox("list", "--settings-only", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["besideInPoste"], told["serverNotAsked"]) == (None, None)


# The wizard

WIZARD = (
    *("stack", "--stack", "prod", "--domain", "example.com", "--mail-host", "mail.example.com"),
    *("--admin-address", "admin@example.com", "--admin-cidr", "198.51.100.7/32", "--image", IMAGE),
    *("--hetzner-endpoint", "http://127.0.0.1/v1", "--cloudflare-base-url", "http://127.0.0.1/client/v4"),
)


@pytest.fixture
def empty(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project without a stack, and clouds with the domain and a server."""
    place.config_file.unlink()
    zone = Zone("0" * 32, "example.com", True, [], [], "a" * 32)
    monkeypatch.setattr("operate.stacks.command.find_zone", lambda *_: zone)
    monkeypatch.setattr("operate.stacks.command.served_hosts", lambda *_: None)
    monkeypatch.setattr("operate.stacks.command.offers", lambda *_: [Offer("cx23", "nbg1", "x86", 4, 5.0)])
    monkeypatch.setattr("operate.stacks.command.boxes_on_offer", lambda *_: [Box("bx11", 2**40, 3.2, "fsn1")])
    monkeypatch.setenv("HCLOUD_TOKEN", "x" * 64)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "x" * 40)
    return place


def test_the_wizard_makes_mailboxes_that_flags_name_once(empty: Place, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--no-questions", "--mailbox", ANN, "--mailbox", "Ann@example.com", "--mailbox", "admin@example.com")
    assert main([*WIZARD, *flags]) == 0, capsys.readouterr().err
    assert empty.read_accounts() == {"example.com": {"mailboxes": [{"address": ANN}]}}
    kept = empty.get("passwords")
    assert list(kept) == [ANN]
    assert not password_lacks(kept[ANN])
    told = capsys.readouterr().out
    assert f"Mailbox: {ANN}. Read its password with: ./run pulumi config get --path" in told
    assert kept[ANN] not in told
    assert main([*WIZARD, *flags, "--mailbox", BEN]) == 0
    assert [box["address"] for box in empty.read_accounts()["example.com"]["mailboxes"]] == [ANN, BEN]
    assert empty.get("passwords")[ANN] == kept[ANN]


def test_the_wizard_turns_on_what_needs_a_worker_where_the_token_may_make_one_and_nobody_has_said_otherwise(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WIZARD, "--no-questions"]) == 0
    assert "Workers Scripts: Edit (account)" in capsys.readouterr().out
    assert (empty.get("mtaSts"), empty.get("clientSetup")) == (None, None)
    monkeypatch.setattr("operate.stacks.command.served_hosts", lambda *_: {})
    assert main([*WIZARD, "--no-questions"]) == 0
    assert "mtaSts testing" in capsys.readouterr().out
    assert (empty.get("mtaSts"), empty.get("clientSetup")) == ("testing", "true")
    empty.set(mtaSts="enforce")
    assert main([*WIZARD, "--no-questions"]) == 0
    assert empty.get("mtaSts") == "enforce"


def test_the_wizard_asks_for_mailboxes_while_it_makes_a_stack_and_not_again(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO(f"{ANN}\nx@example.org\n{BEN}\n\n\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(WIZARD) == 0
    assert "It belongs to none of the domains" in capsys.readouterr().err
    assert list(empty.get("passwords")) == [ANN, BEN]
    assert main(WIZARD) == 0
    assert "Another mailbox" not in capsys.readouterr().err


def test_the_wizard_offers_a_backup_with_its_price_and_makes_what_it_needs(
    empty: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO("\nbx99\nbx11\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(WIZARD) == 0
    told = capsys.readouterr()
    assert "bx11 with 1 TB in fsn1, 3.20 euro a month net" in told.err
    assert "Expected one of bx11" in told.err
    assert empty.get("backup") == {"storageBox": "bx11", "location": "fsn1"}
    made = {key: empty.get(key) for key in ("backupPassphrase", "backupKey", "storageBoxPassword")}
    assert made["backupKey"] not in (empty.get("sshPrivateKey"), empty.get("sshHostKey"))
    assert "Keep that, and this file, elsewhere, too" in told.out
    assert main([*WIZARD, "--no-questions", "--backup", "bx11"]) == 0
    assert {key: empty.get(key) for key in made} == made
    assert all(secret not in told.out + told.err for secret in made.values())


def test_the_wizard_makes_no_backup_that_nobody_asked_for(empty: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WIZARD, "--no-questions"]) == 0
    assert main([*WIZARD, "--no-questions", "--backup", "none"]) == 0
    assert main([*WIZARD, "--no-questions", "--backup", "bx41"]) == 1
    assert "Hetzner has no bx41 now" in capsys.readouterr().err
    assert "backup" not in empty.config_file.read_text()


def test_the_wizard_writes_nothing_where_a_mailbox_or_the_file_of_accounts_is_wrong(
    empty: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WIZARD, "--no-questions", "--mailbox", "x@example.org"]) == 1
    assert "--mailbox: x@example.org: It belongs to none of the domains" in capsys.readouterr().err
    empty.write_accounts("example.org: {}\n")
    assert main([*WIZARD, "--no-questions"]) == 1
    assert "accounts/prod.yaml is not right. Nothing was set" in capsys.readouterr().err
    empty.write_accounts(f"example.com: {{aliases: {{{ANN}: {BEN}}}}}\n")
    assert main([*WIZARD, "--no-questions", "--mailbox", ANN]) == 1
    assert f"{ANN} is there more than once" in capsys.readouterr().err
    assert not empty.config_file.exists()


# The YAML itself


CHANGES: list[tuple[str, Any, str]] = [
    ("", {"a": {"b": [1]}}, "a:\n  b:\n  - 1\n"),
    ("# only words\n", {"a": 1}, "# only words\na: 1\n"),
    ("a: 1  # one", {"a": 2}, "a: 2  # one\n"),
    ("a:\n- x\n# end\nb: 1\n", {"a": ["x", "y"], "b": 1}, "a:\n- x\n- y\n# end\nb: 1\n"),
    ("a:\n  - x\n  - y  # gone\n  - z\n", {"a": ["x", "z"]}, "a:\n  - x\n  - z\n"),
    ("a: [x, y]  # two\n", {"a": ["x"]}, "a: [x]  # two\n"),
    ("a: {b: 1}\n", {"a": {"b": 1, "c": "é"}}, "a: {b: 1, c: é}\n"),
    ("a:\n  b: |\n    text\n\n# end\n", {"a": {"b": "text\n", "c": 1}}, "a:\n  b: |\n    text\n\n  c: 1\n# end\n"),
    ("a:\nb: 1\n", {"a": {"c": 1}, "b": 1}, "a:\n  c: 1\nb: 1\n"),
    ("# why\na: 1\n", {}, "# why\n"),
    ("a:\n  - x: 1\n    y: 2\n  - x: 3\n", {"a": [{"x": 1}, {"x": 3}]}, "a:\n  - x: 1\n  - x: 3\n"),
]


@pytest.mark.parametrize(("text", "wanted", "expected"), CHANGES)
def test_a_text_is_changed_where_its_content_changes_and_nowhere_else(text: str, wanted: Any, expected: str) -> None:
    assert rewritten(text, wanted) == expected


def test_what_cannot_be_changed_without_harm_is_refused_with_what_was_to_stand_there() -> None:
    shared = "a: &x\n  b: 1\nc: *x\n"
    with pytest.raises(UnchangeableError, match="b: 2"):
        rewritten(shared, {"a": {"b": 2}, "c": {"b": 1}})


# What runs on the server


class PosteApi(BaseHTTPRequestHandler):
    """Poste's API, which tells more of a mailbox than anybody should see."""

    seen: list[tuple[str, str, Any]]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        results = {
            "/admin/api/v1/boxes": [
                {"address": ANN, "password": "{SHA512}hash", "super_admin": False, "redirect_to": []}
            ],
            "/admin/api/v1/domains": [{"name": "example.com", "domain_bin": False, "secret": "x"}],
        }[self.path.partition("?")[0]]
        self._answer(200, {"results": results})

    def do_PATCH(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"], json.loads(self._body())))
        self._answer(204 if ANN.split("@", maxsplit=1)[0] in self.path else 404, None)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def on_the_server(call: str, *arguments: Any) -> Any:
    """What a function of the program that is sent to the server prints there; its scripts lie where they do here."""
    remote = Path(__file__).parents[2] / "remote"
    known = "import administrator\nadministrator.known = lambda: ('admin@example.com', 'secret')\n"
    script = (
        f"{SCRIPT.read_text()}\nSCRIPTS = {str(remote)!r}\nsys.path.insert(0, SCRIPTS)\n{known}"
        f"{call}(*json.loads({json.dumps(json.dumps(arguments))}))\n"
    )
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_server_tells_named_fields_of_mailboxes_and_domains_and_no_hash() -> None:
    with serving(HTTPServer(("127.0.0.1", 0), PosteApi)) as url:
        assert on_the_server("boxes", url, []) == {
            "boxes": [{"address": ANN, "super_admin": False, "redirect_to": []}],
            "domains": [{"name": "example.com", "domain_bin": False}],
        }


def test_a_password_is_set_on_the_server_if_the_mailbox_is_there() -> None:
    PosteApi.seen = []
    with serving(HTTPServer(("127.0.0.1", 0), PosteApi)) as url:
        assert on_the_server("set_password", url, ANN, GOOD) == {"set": True}
        assert on_the_server("set_password", url, BEN, GOOD) == {"set": False}
        assert on_the_server("set_password", url, "a/b@example.com", GOOD) == {"set": False}
    assert PosteApi.seen[0][0] == "/admin/api/v1/boxes/ann%40example.com"
    assert PosteApi.seen[0][2] == {"passwordPlaintext": GOOD}
    assert PosteApi.seen[2][0] == "/admin/api/v1/boxes/a%2Fb%40example.com"
