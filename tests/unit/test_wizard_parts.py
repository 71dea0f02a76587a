"""The wizard's parts: choices, secrets, questions, and how values reach Pulumi."""

import io
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.existing_records import Record
from model.public_passphrase import FILE_VARIABLE, PUBLIC, VARIABLE, is_on_this_machine
from model.record_conflicts import Ownership
from model.ssh_keys import ssh_public_key
from model.stack_config import SECRETS
from model.values import password_lacks
from operate.clouds.cloudflare import Zone
from operate.errors import PulumiError, WizardError
from operate.stacks import passphrase
from operate.stacks.answers import Answers
from operate.stacks.keys import LENGTH, new_password, new_ssh_key
from operate.stacks.obstacles import obstacles
from operate.stacks.plan import Domain, check, domain_paths, list_paths, merged
from operate.stacks.questions import calling_network, mailbox_in
from operate.stacks.relay import relay_paths
from operate.stacks.server_choice import Offer, choose
from operate.stacks.stack import Stack
from tests.support.examples import VALUES

SMALL = Offer("cx13", "nbg1", "x86", 2, 3.0)
ARM = Offer("cax11", "nbg1", "arm64", 4, 4.0)
CHEAP_FAR = Offer("cx23", "ash", "x86", 4, 1.0)
CHEAP = Offer("cx23", "fsn1", "x86", 4, 5.0)
LARGE = Offer("cx33", "nbg1", "x86", 8, 8.0)
OFFERS = [SMALL, ARM, CHEAP_FAR, CHEAP, LARGE]
DIGEST = "sha256:" + "7" * 64


def test_the_first_location_with_a_server_that_fits_is_chosen_and_there_the_cheapest() -> None:
    assert choose([*OFFERS, Offer("cx43", "nbg1", "x86", 16, 15.0)], None, None) == LARGE


def test_a_server_type_or_a_location_that_is_asked_for_is_kept_to() -> None:
    assert choose(OFFERS, "cx23", None) == CHEAP
    assert choose(OFFERS, None, "ash") == CHEAP_FAR


@pytest.mark.parametrize(("server_type", "location"), [("cx13", None), ("cax11", None), ("cx33", "ash"), (None, "xyz")])
def test_what_is_too_small_or_arm_or_not_to_be_had_is_refused_with_what_there_is(
    server_type: str | None, location: str | None
) -> None:
    with pytest.raises(WizardError, match="Expected one of: cx23 in ash, fsn1; cx33 in nbg1"):
        choose(OFFERS, server_type, location)


def test_a_new_password_keeps_the_guides_rule_and_is_another_one_each_time() -> None:
    passwords = {new_password() for _number in range(50)}
    assert len(passwords) == 50
    assert all(len(password) == LENGTH and not password_lacks(password) for password in passwords)


def test_a_new_key_is_ed25519_in_openssh_form() -> None:
    assert ssh_public_key(new_ssh_key()).startswith("ssh-ed25519 ")
    assert new_ssh_key() != new_ssh_key()


def test_another_domain_is_added_to_the_list_and_a_known_one_is_changed_in_place() -> None:
    known = [{"name": "a.example"}, {"name": "b.example"}]
    assert domain_paths(Domain("c.example", "c.example", None), known) == {"domains[2].name": "c.example"}
    assert domain_paths(Domain("b.example", "b.example", "none"), known) == {
        "domains[1].name": "b.example",
        "domains[1].dmarc.policy": "none",
    }


def test_a_domain_below_its_zone_names_the_zone() -> None:
    paths = domain_paths(Domain("staging.a.example", "a.example", None), [])
    assert paths == {"domains[0].name": "staging.a.example", "domains[0].zone": "a.example"}


def test_the_configuration_to_be_has_the_paths_set_in_it_and_the_one_that_is_stays_as_it_is() -> None:
    known = {"domains": [{"name": "a.example", "ttl": 300}], "protect": "false"}
    paths = {"domains[0].dmarc.policy": "none", "domains[1].name": "b.example", "protect": "true"}
    assert merged(known, {**paths, **list_paths("adminCidrs", ["198.51.100.0/25"])}) == {
        "domains": [{"name": "a.example", "ttl": 300, "dmarc": {"policy": "none"}}, {"name": "b.example"}],
        "protect": "true",
        "adminCidrs": ["198.51.100.0/25"],
    }
    assert known["protect"] == "false"


VALID = {
    "mailHost": "mail.a.example",
    "domains": [{"name": "a.example"}],
    "adminAddress": "admin@a.example",
    "adminCidrs": ["198.51.100.7/32"],
    "posteImage": f"analogic/poste.io:2.5.11@{DIGEST}",
}


def test_a_complete_configuration_is_valid_before_its_secrets_are_there() -> None:
    check({**VALID, "hcloud:endpoint": "http://127.0.0.1/v1"})


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"posteImage": "analogic/poste.io:2.5.11"}, "has no digest"),
        ({"mailHost": "mail.b.example"}, "lies in the zone of none of the domains"),
        ({"adminCidrs": ["198.51.100.7/24"]}, "Expected a network in CIDR form"),
    ],
)
def test_what_the_program_would_refuse_is_refused_before_anything_is_set(
    change: dict[str, object], mistake: str
) -> None:
    with pytest.raises(WizardError, match=f"(?s)Nothing was set.*{mistake}"):
        check({**VALID, **change})


ZONE = Zone(
    "0" * 32,
    "a.example",
    True,
    [],
    [
        Record("1", "a.example", "MX", "mx.other.example"),
        Record("2", "a.example", "TXT", '"v=spf1 include:other.example -all"'),
        Record("3", "_dmarc.a.example", "TXT", '"v=DMARC1; p=none"'),
        Record("4", "*.a.example", "A", "192.0.2.1"),
        Record("5", "www.a.example", "A", "192.0.2.2"),
        Record("6", "a.example", "TXT", '"site-verification=1"'),
        Record("7", "mail.a.example", "A", "198.51.100.9", "Managed by Pulumi: poste-mail/prod"),
    ],
    account="a" * 32,
)


def test_existing_mx_spf_dmarc_and_wildcard_are_shown_and_what_harms_nobody_is_not() -> None:
    ownership = Ownership("", "Managed by Pulumi: poste-mail/prod")
    assert list(obstacles(ZONE, check(VALID), ownership)) == [
        'in the way of the SPF record: a.example TXT "v=spf1 include:other.example -all"',
        'in the way of the DMARC record: _dmarc.a.example TXT "v=DMARC1; p=none"',
        "in the way of the MX record: a.example MX mx.other.example",
        "a wildcard, which answers for every name that has no record: *.a.example A 192.0.2.1",
    ]


def test_records_of_another_stack_are_in_the_way() -> None:
    found = list(obstacles(ZONE, check(VALID), Ownership("0123456789abcdef")))
    assert "in the way of the address record: mail.a.example A 198.51.100.9" in found


def test_what_an_earlier_server_promised_is_shown() -> None:
    zone = replace(ZONE, records=[Record("1", "_mta-sts.a.example", "TXT", '"v=STSv1; id=1"')])
    assert "senders refuse to deliver" in "".join(obstacles(zone, check(VALID), Ownership("")))


def test_a_flag_goes_before_what_the_stack_has_and_that_before_the_default() -> None:
    answers = Answers(asking=False)
    assert answers.text("?", flag="--x", given="a", kept="b", default="c") == "a"
    assert answers.text("?", flag="--x", given=None, kept="b", default="c") == "b"
    assert answers.text("?", flag="--x", given=None, default="c") == "c"


def test_everything_that_is_missing_is_told_at_once() -> None:
    answers = Answers(asking=False)
    answers.text("Mail domain", flag="--domain", given=None)
    answers.secret("A token", variable="HCLOUD_TOKEN", given=None)
    with pytest.raises(WizardError, match=r"(?s)--domain: Mail domain.*HCLOUD_TOKEN: A token"):
        answers.require_all()


def test_a_wrong_answer_is_asked_again_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_digits(text: str) -> str:
        if not text.isdigit():
            raise ValueError("Expected digits, for example 7")
        return text

    monkeypatch.setattr(sys, "stdin", io.StringIO("seven\n7\n"))
    assert Answers(asking=True).text("How many", flag="--x", given=None, check=only_digits) == "7"
    assert "Expected digits, for example 7" in capsys.readouterr().err


def test_a_passphrase_is_made_once_readable_by_its_owner_only_and_used_from_then_on(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), VARIABLE: PUBLIC}
    assert not passphrase.use("prod", environment)
    passphrase.make("prod", environment)
    file = tmp_path / "poste-mail" / "prod.passphrase"
    assert environment == {"XDG_CONFIG_HOME": str(tmp_path), FILE_VARIABLE: str(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text()) > 40
    again = {"XDG_CONFIG_HOME": str(tmp_path), VARIABLE: PUBLIC}
    assert passphrase.use("prod", again)
    assert again[FILE_VARIABLE] == str(file)


def test_a_passphrase_in_a_file_is_not_shadowed_by_the_published_one(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("my own")
    environment = {"XDG_CONFIG_HOME": str(tmp_path), VARIABLE: PUBLIC, FILE_VARIABLE: str(file)}
    assert passphrase.use("prod", environment)
    assert environment == {"XDG_CONFIG_HOME": str(tmp_path), FILE_VARIABLE: str(file)}
    file.write_text(f"{PUBLIC}\n")
    assert not passphrase.use("prod", environment)


def test_when_the_person_has_gone_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(WizardError, match="There is nobody to ask any more"):
        Answers(asking=True).text("How many", flag="--x", given=None, check=int_text)


def int_text(text: str) -> str:
    return str(int(text))


@pytest.mark.parametrize("cidr", ["192.168.1.0/24", "100.64.1.1/32", "127.0.0.1/32", "2001:db8::/64", "fe80::/64"])
def test_a_network_from_which_nobody_reaches_the_server_is_asked_for_again(cidr: str) -> None:
    with pytest.raises(ValueError, match=r"Expected a public address, say 198.51.100.7/32"):
        calling_network(cidr)
    assert calling_network("198.51.100.0/25") == "198.51.100.0/25"


def test_the_administrator_is_in_one_of_the_domains() -> None:
    check_one = mailbox_in(["a.example", "b.example"])
    assert check_one("Admin@B.example") == "admin@b.example"
    with pytest.raises(ValueError, match=r"none of the domains \(a.example, b.example\)"):
        check_one("admin@c.example")


def test_the_persons_own_passphrase_is_left_alone(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), VARIABLE: "my own"}
    assert passphrase.use("prod", environment)
    assert environment[VARIABLE] == "my own"


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://127.0.0.1:47001/v1", True),
        (None, False),
        ("https://api.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_only_an_api_on_this_machine_counts_as_the_sandbox(endpoint: str | None, local: bool) -> None:
    assert is_on_this_machine(endpoint) is local


def test_a_secret_reaches_pulumi_by_standard_input_and_never_on_a_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "pulumi"
    fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > {tmp_path}/stdin\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    Stack("prod", "poste-mail").set_secret("adminPassword", "Very-Secret-1")
    assert (tmp_path / "stdin").read_text() == "Very-Secret-1"
    assert "Very-Secret-1" not in (tmp_path / "arguments").read_text()
    assert "--secret adminPassword" in (tmp_path / "arguments").read_text()


def test_what_pulumi_says_of_a_failure_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "pulumi"
    fake.write_text("#!/bin/sh\necho 'error: no such stack' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(PulumiError, match="pulumi config rm failed: error: no such stack"):
        Stack("prod", "poste-mail").remove("adminCidrs")


def test_a_relay_is_taken_as_host_and_port_and_its_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RELAY_PASSWORD", "Relay Pass;10")
    answers = Answers(asking=False)
    assert relay_paths(answers, "SMTP.relay.example", "club") == (
        {"relay.host": "smtp.relay.example", "relay.port": "587", "relay.user": "club"}, "Relay Pass;10",
    )  # fmt: skip
    assert relay_paths(answers, "smtp.relay.example:2525", "club")[0]["relay.port"] == "2525"
    assert relay_paths(answers, None, None) == ({}, "")
    answers.require_all()


def test_what_a_relay_lacks_is_asked_for_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELAY_PASSWORD", raising=False)
    answers = Answers(asking=False)
    relay_paths(answers, "smtp.relay.example", None)
    with pytest.raises(WizardError, match=r"(?s)--relay-user.*RELAY_PASSWORD"):
        answers.require_all()


@pytest.mark.parametrize(
    ("place", "password", "why"),
    [
        ("smtp.relay.example:25", "fine", "Expected 587, 465 or 2525"),
        ("relay", "fine", "Expected its name alone"),
        ("smtp.relay.example", "pipe|Geheim", "RELAY_PASSWORD: Expected it as the relay gave it"),
    ],
)
def test_a_relay_that_cannot_be_is_refused_and_its_password_never_shown(
    monkeypatch: pytest.MonkeyPatch, place: str, password: str, why: str
) -> None:
    monkeypatch.setenv("RELAY_PASSWORD", password)
    with pytest.raises(WizardError, match=why) as error:
        relay_paths(Answers(asking=False), place, "club")
    assert "Geheim" not in str(error.value)


def test_a_user_without_a_relay_is_not_passed_over() -> None:
    with pytest.raises(WizardError, match="--relay-user: club: Expected --relay"):
        relay_paths(Answers(asking=False), None, "club")


def test_a_configuration_with_a_relay_is_checked_whole() -> None:
    paths = {"relay.host": "mail.example.com", "relay.port": "465", "relay.user": "club"}
    plain = {key: value for key, value in VALUES.items() if key not in SECRETS}
    with pytest.raises(WizardError, match=r"relay\.host: mail\.example\.com is this mail server itself"):
        check(merged(plain, paths))
