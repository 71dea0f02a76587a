"""Mailboxes and aliases in a stack's settings and in its file of accounts: what is taken, refused, and made of it."""

import json
import time
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.existing.who_leaves import tell_who_leaves
from model import accounts_file
from model.accounts import MailboxSettings, loops
from model.accounts_wanted import leaving, too_early
from model.settings import Settings
from model.stack_config import SECRETS, ConfigurationError, StackConfig, read_settings
from model.stack_state import Held
from operate.errors import StackError
from operate.verify.stack import settings_of
from tests.support.examples import PASSWORD, settings
from tests.support.project import handed_over

ANN, ADMIN = "ann@example.com", "admin@example.com"
BOX = {"address": ANN}
WEAK = "Weak-secret"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_file, "FOLDER", tmp_path / "accounts")
    (tmp_path / "accounts").mkdir()


def written(text: str, stack: str = "prod") -> None:
    """The stack's file of accounts."""
    accounts_file.accounts_file(stack).write_text(text)


def read(*domains: dict[str, Any], secrets: tuple[str, ...] = SECRETS, **changes: Any) -> Settings:
    values = handed_over(domains=list(domains) or [{"name": "example.com"}], **changes)
    return read_settings(StackConfig("poste-mail", "prod", values, [f"poste-mail:{key}" for key in secrets]), {})


def mistakes(*domains: dict[str, Any], **changes: Any) -> list[str]:
    """The lines of the refusal."""
    with pytest.raises(ConfigurationError) as caught:
        read(*domains, **changes)
    return str(caught.value).splitlines()


def com(**accounts: Any) -> dict[str, Any]:
    return {"name": "example.com", **accounts}


def org(**accounts: Any) -> dict[str, Any]:
    return {"name": "example.org", **accounts}


def test_mailboxes_aliases_and_where_the_rest_goes_are_read() -> None:
    whole = BOX | {"name": "Ann", "quotaMb": "100", "quotaMessages": 0, "disabled": "false", "internalOnly": True}
    aliases = {"Sales@Example.com": ANN, "all@example.com": ["*@example.org", "bob@elsewhere.example"]}
    first = com(mailboxes=[whole | {"password": "always"}], aliases=aliases, catchAll=ANN)
    found = read(first, org(forwardTo="x.example"), passwords={"Ann@example.com": PASSWORD})
    domain = found.domains[0]
    assert domain.mailboxes[0].model_dump(exclude_none=True) == {
        "address": ANN, "name": "Ann", "quota_mb": 100, "quota_messages": 0, "disabled": False, "internal_only": True,
        "password": "always",
    }  # fmt: skip
    assert domain.aliases == {
        "sales@example.com": (ANN,),
        "all@example.com": ("*@example.org", "bob@elsewhere.example"),
    }
    assert (domain.catch_all, found.domains[1].forward_to) == (ANN, "x.example")
    assert found.passwords[ANN].get_secret_value() == PASSWORD


def test_what_is_left_out_is_not_set() -> None:
    assert read(com(mailboxes=[BOX], catchAll="")).domains[0].mailboxes == (MailboxSettings(address=ANN),)


FORWARDED = [
    com(),
    org(forwardTo="example.net"),
    {"name": "example.net", "aliases": {"a@example.net": "a@example.org"}},
]
REFUSED: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    ([com(mailboxes=[{"address": "a@example.org"}])], {}, "domains.0.mailboxes.0: a@example.org is no address of exam"),
    ([com(aliases={"a@x.example": ANN})], {}, "domains.0.aliases.a@x.example: a@x.example is no address of example.co"),
    ([com(aliases={"*@example.com": ANN})], {}, "*@example.com is no single address. Expected catchAll"),
    ([com(mailboxes=[{"address": "*@example.com"}])], {}, "*@example.com is no single address. Expected catchAll"),
    ([com(mailboxes=[BOX], aliases={ANN: "b@x.example"})], {}, "ann@example.com is there more than once"),
    ([com(mailboxes=[BOX, {"address": "ANN@example.com"}])], {}, "domains.0.mailboxes.1: ann@example.com is there mor"),
    ([com(aliases={ANN: "b@x.example", "Ann@example.com": "c@x.example"})], {}, "stands there more than once"),
    ([com(aliases={ADMIN: ANN})], {}, "admin@example.com is adminAddress, which is a mailbox"),
    ([com(mailboxes=[{"address": ADMIN, "disabled": True}])], {}, "Expected an administrator who is not disabled"),
    ([com(mailboxes=[{"address": ADMIN, "administrator": False}])], {}, "Expected an administrator who is not disable"),
    ([com(mailboxes=[{"address": ADMIN, "internalOnly": True}])], {}, "Expected an administrator who is not disabled"),
    ([com(aliases={"all@example.com": "*@x.example"})], {}, "all@example.com leads to *@x.example. Expected a domain"),
    ([com(aliases={"all@example.com": []})], {}, "domains.0.aliases.all@example.com: []: "),
    ([com(catchAll="a@x.example")], {}, "domains.0.catchAll: catchAll a@x.example is elsewhere"),
    ([com(catchAll="*@example.com")], {}, "domains.0.catchAll: catchAll *@example.com is elsewhere"),
    ([com(), org(forwardTo="x.example", mailboxes=[{"address": "a@example.org"}])], {}, "leaves example.org without m"),
    ([com(), org(forwardTo="x.example", catchAll=ANN)], {}, "domains.1.forwardTo: forwardTo x.example leaves example."),
    ([com(forwardTo="x.example")], {}, "takes the mail of adminAddress, admin@example.com, away"),
    ([com(), org(forwardTo="example.org")], {}, "forwardTo: example.org leads to example.org"),
    ([com(), org(forwardTo="example.net"), {"name": "example.net", "forwardTo": "example.org"}], {}, "forwardTo: exam"),
    ([com(aliases={"a@example.com": "a@example.com"})], {}, "aliases: a@example.com leads to a@example.com. Expected"),
    ([com(aliases={"a@example.com": "b@example.com", "b@example.com": ["c@x.example", "a@example.com"]})], {}, "alias"),
    (FORWARDED, {}, "a@example.org leads to a@example.net"),
    ([com(), org(aliases={"a@example.org": "abuse@example.org", "abuse@example.org": "a@example.org"})], {}, "aliases"),
    ([com(mailboxes=[BOX])], {"deleteMailboxes": [ANN]}, "deleteMailboxes: "),
    ([com(aliases={ANN: ADMIN})], {"deleteMailboxes": [ANN]}, "ann@example.com is in the settings. Take it off there"),
    ([com()], {"deleteMailboxes": [ADMIN]}, "admin@example.com is in the settings"),
    ([com()], {"deleteDomains": ["example.com"]}, "example.com is in the settings. Take it off there first"),
    ([com(mailboxes=[BOX | {"password": "always"}])], {}, "./run mail mailbox passwd ann@example.com --stack"),
    ([com(mailboxes=[BOX | {"password": "often"}])], {}, 'domains.0.mailboxes.0.password: "often": '),
    ([com()], {"passwords": {ADMIN: PASSWORD}}, "passwords: admin@example.com is adminAddress. Expected its password"),
    ([com()], {"passwords": {ANN: PASSWORD, "Ann@example.com": PASSWORD}}, "stands there more than once"),
    ([com(mailboxes=[BOX | {"quota": 5}])], {}, "domains.0.mailboxes.0.quota: is no setting of this program. Did you"),
    ([com(mailboxes=[BOX | {"quotaMb": -1}])], {}, "domains.0.mailboxes.0.quotaMb: -1: Expected greater than or equal"),
    ([com(mailboxes=["ann"])], {}, 'domains.0.mailboxes.0: "ann": Expected settings by name, of address, name, quotaM'),
    ([com(mailboxes=BOX)], {}, "Expected a list."),
    ([com(aliases=["a@example.com"])], {}, "Expected addresses, each with what belongs to it"),
    ([com(aliases={"sales": ANN})], {}, "domains.0.aliases.sales: Expected an e-mail address, for example"),
    ([com(aliases={"a@example.com": "nobody"})], {}, 'domains.0.aliases.a@example.com.0: "nobody": Expected an e-mail'),
]  # fmt: skip


@pytest.mark.parametrize(("domains", "changes", "sentence"), REFUSED, ids=[sentence for _, _, sentence in REFUSED])
def test_what_contradicts_is_one_mistake_with_what_would_be_right(
    domains: list[dict[str, Any]], changes: dict[str, Any], sentence: str
) -> None:
    lines = mistakes(*domains, **changes)
    assert any(sentence in line for line in lines[1:]), lines
    assert len({line.partition(": ")[2].partition(" is there more")[0] for line in lines[1:]}) == 1, lines
    assert all(line[-1] in ".?" for line in lines[1:])


def test_all_loops_are_found_each_once() -> None:
    ways = {"a": ["b"], "b": ["a", "out"], "c": ["c"], "d": ["a"], "e": ["out"]}
    assert sorted(sorted(set(way)) for way in loops(ways)) == [["a", "b"], ["c"]]
    assert all(way[0] == way[-1] for way in loops(ways))
    assert loops({"a": ["b"], "b": ["out"]}) == []


def test_a_loop_is_told_in_the_order_in_which_mail_goes() -> None:
    aliases = {"a@example.com": "b@example.com", "b@example.com": "c@example.com", "c@example.com": "a@example.com"}
    text = mistakes(com(aliases=aliases))[1]
    way = text.partition("aliases: ")[2].partition(".  ")[0].split(". Expected")[0].split(" leads to ")
    assert [aliases[address] for address in way[:-1]] == way[1:]


def test_a_weak_password_is_told_by_its_address_and_never_shown() -> None:
    (_, line) = mistakes(com(mailboxes=[BOX]), passwords={ANN: WEAK})
    assert line.startswith(f"  passwords.{ANN}: Lacks a digit")
    assert WEAK not in line


@pytest.mark.parametrize("table", [{WEAK: ANN}, {ANN: {WEAK: WEAK}}, {WEAK: {WEAK: WEAK}}, [WEAK], WEAK, {ANN: 7}])
def test_no_part_of_a_table_of_passwords_is_shown_however_it_is_mixed_up(table: Any) -> None:
    assert WEAK not in "\n".join(mistakes(passwords=table))


def test_passwords_in_plain_text_are_a_mistake_and_an_empty_table_is_none() -> None:
    plain = tuple(key for key in SECRETS if key != "passwords")
    assert "passwords: is stored in plain text" in mistakes(secrets=plain, passwords={ANN: PASSWORD})[1]
    assert read(secrets=plain, passwords={}).passwords == {}


FILE = """
Example.com:
  mailboxes:
    - {address: bob@example.com, name: Bob}
  aliases:
    info@example.com: bob@example.com
  catchAll: bob@example.com
example.org:
  forwardTo: example.com
"""


def test_the_file_adds_to_what_the_configuration_has() -> None:
    written(FILE)
    first, second = read(com(mailboxes=[BOX], aliases={"sales@example.com": ANN}), org()).domains
    assert [box.address for box in first.mailboxes] == [ANN, "bob@example.com"]
    assert first.aliases == {"sales@example.com": (ANN,), "info@example.com": ("bob@example.com",)}
    assert (first.catch_all, second.forward_to) == ("bob@example.com", "example.com")


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "example.com:\n", "example.com:\n  mailboxes:\n  aliases:\n"])
def test_a_file_that_holds_nothing_yet_adds_nothing(text: str) -> None:
    written(text)
    assert read(com(mailboxes=[BOX])) == read(com(mailboxes=[BOX]))
    assert [box.address for box in read(com(mailboxes=[BOX])).mailboxes] == [ANN]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("example.com:\n  catchAll: bob@example.com\n", "example.com.catchAll: is set in the stack's configuration, t"),
        ("example.com:\n  aliases: {Sales@example.com: b@x.example}\n", "example.com.aliases.Sales@example.com: is se"),
        ("example.net:\n  mailboxes: []\n", "example.net: is none of the stack's domains (example.com)"),
        ("example.com:\n  mailbox: []\n", "example.com.mailbox: is nothing that may stand there. Expected some of mai"),
        ("example.com:\n  passwords: {}\n", "example.com.passwords: is nothing that may stand there"),
        ("example.com:\n  mailboxes: bob\n", "example.com.mailboxes: Expected a list"),
        ("example.com:\n  aliases: [bob]\n", "example.com.aliases: Expected addresses"),
        ("example.com: bob\n", "example.com: Expected mailboxes, aliases, catchAll, forwardTo"),
        ("- example.com\n", "holds no domains. Expected them by name"),
        ("example.com: [\n", "cannot be read: while parsing a flow node"),
        ("example.com: {}\nexample.com: {}\n", "cannot be read: example.com is there more than once"),
        ("example.com: {}\nExample.com.: {}\n", "Example.com.: is there more than once"),
        ("example.com:\n  aliases:\n    a@example.com: b@x.example\n    a@example.com: c@x.example\n", "a@example.com"),
        ("&a example.com: *a\n? *a\n: x\n", "cannot be read: "),
        ("example.com: &a {aliases: *a}\n", "cannot be read: "),
        ("example.com: {mailboxes: [{address: bob@example.com, name: 2026-01-01, quotaMb: x}]}\n",
         'example.com.mailboxes.0.quotaMb: "x": Expected a valid integer'),
        ("example.com: {mailboxes: [{address: bob}]}\n", 'example.com.mailboxes.0.address: "bob": Expected an e-mail'),
        ("example.com: {mailboxes: [{address: b@x.example}]}\n", "example.com.mailboxes.0: b@x.example is no address"),
        ("example.com: {aliases: {B@x.example: c@x.example}}\n", "example.com.aliases.b@x.example: b@x.example is no"),
        ("example.com: {aliases: {b@example.com: bob}}\n", 'example.com.aliases.b@example.com.0: "bob": Expected an e'),
        ('example.com: {mailboxes: [{address: "a\\nb"}]}\n', 'example.com.mailboxes.0.address: "a\\nb": '),
        ('example.com: {aliases: {"a\\nb": b@x.example}}\n', "example.com.aliases.a\\nb: "),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_named_with_the_file_and_the_place_in_it(text: str, sentence: str) -> None:
    written(text)
    lines = mistakes(com(mailboxes=[BOX], aliases={"sales@example.com": ANN}, catchAll=ANN))
    assert lines[0] == "Configuration of stack prod: 1 mistake in Pulumi.prod.yaml and accounts/prod.yaml"
    assert lines[1].startswith("  accounts/prod.yaml: ")
    assert sentence in lines[1]
    assert len("\n".join(lines).encode().decode().splitlines()) == 2


def test_a_file_that_is_no_text_is_told() -> None:
    accounts_file.accounts_file("prod").write_bytes(b"\xff\xfe")
    assert "accounts/prod.yaml: cannot be read: 'utf-8' codec can't decode" in mistakes()[1]


def test_mistakes_in_both_places_and_in_other_settings_are_one_list() -> None:
    written("example.com: {mailboxes: [{address: bob}], nobody: {}}\nexample.net: {}\n")
    lines = mistakes(com(mailboxes=[{"address": "ann"}]), mailHost="mail")
    assert lines[0].startswith("Configuration of stack prod: 5 mistakes in Pulumi.prod.yaml and accounts/prod.yaml")
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        "  accounts/prod.yaml", "  accounts/prod.yaml", "  accounts/prod.yaml",
        "  domains.0.mailboxes.0.address", "  mailHost",
    ]  # fmt: skip


def entries(**changes: Any) -> dict[str, Any]:
    """The configuration as `pulumi config --json --show-secrets` prints it."""
    return {key: {"value": value} for key, value in handed_over(**changes).items()}


def test_verification_and_repair_read_the_file_as_the_program_does() -> None:
    written(FILE)
    found = settings_of("organization/poste-mail/prod", entries(domains=[com(mailboxes=[BOX]), org()]))
    assert [box.address for box in found.mailboxes] == [ANN, "bob@example.com"]
    assert found == read(com(mailboxes=[BOX]), org())
    written("example.com: {mailboxes: [{address: bob}]}\n")
    with pytest.raises(StackError) as caught:
        settings_of("prod", entries())
    assert str(caught.value).splitlines() == mistakes()


def test_each_domain_has_its_roles_and_the_reports_addresses_unless_the_settings_say_otherwise() -> None:
    dmarc = {"rua": ["dmarc@example.com", "reports@elsewhere.example", ADMIN], "ruf": ["dmarc@example.org"]}
    found = settings(
        domains=[
            com(dmarc=dmarc, aliases={"abuse@example.com": ANN}),
            org(mailboxes=[{"address": "postmaster@example.org"}]),
        ]
    )
    first, second = (found.aliases(domain) for domain in found.domains)
    assert first == {"abuse@example.com": (ANN,), "dmarc@example.com": (ADMIN,), "postmaster@example.com": (ADMIN,)}
    assert second == {"abuse@example.org": (ADMIN,), "dmarc@example.org": (ADMIN,)}


def test_a_domain_that_is_anothers_has_no_aliases_and_the_administrator_is_none() -> None:
    found = settings(domains=[com(), org(forwardTo="example.com")], adminAddress="abuse@example.com")
    assert found.aliases(found.domains[1]) == {}
    assert list(found.aliases(found.domains[0])) == ["postmaster@example.com"]


def test_thousands_of_addresses_are_judged_in_no_time() -> None:
    boxes = [{"address": f"p{number}@example.com", "name": f"Person {number}"} for number in range(500)]
    aliases = {f"a{number}@example.com": [f"a{number + 1}@example.com", ANN] for number in range(3000)}
    written(json.dumps({"example.com": {"mailboxes": boxes, "aliases": aliases}}))
    started = time.process_time()
    assert len(read(com(mailboxes=[BOX])).mailboxes) == 501
    assert time.process_time() - started < 2


def held(**names: str) -> list[Held]:
    """Components in a state, by type: names with blanks between them."""
    return [
        Held(f"urn:pulumi:prod::poste-mail::poste-mail:index:{kind}::{name}", f"poste-mail:index:{kind}", {})
        for kind, listed in names.items()
        for name in listed.split()
    ]


def said(state: list[Held], **changes: Any) -> list[str]:
    return list(leaving(state, settings(**changes), "prod"))


def test_what_leaves_the_settings_is_told_with_what_becomes_of_it() -> None:
    state = held(
        Mailbox=f"{ANN} {ADMIN} eve@example.org",
        Alias="sales@example.com abuse@example.com abuse@example.org",
        MailDomain="example.com example.org",
    )
    assert said(state, deleteMailboxes=["gone@example.com"]) == [
        (
            "ann@example.com is taken off: its mailbox is disabled and keeps its mail. To delete it with all its mail: "
            "pulumi config set --path 'deleteMailboxes[1]' ann@example.com --stack prod"
        ),
        "sales@example.com is taken off: mail to this alias is refused from now on",
        (
            "example.org is taken off: its DNS records go, MX first; its mailboxes and mail stay in Poste. To delete "
            "them, after this deploy: pulumi config set --path 'deleteDomains[0]' example.org --stack prod"
        ),
        "gone@example.com is named in deleteMailboxes: its mailbox is deleted, with all its mail",
    ]


def test_what_stays_or_is_deleted_already_is_not_told() -> None:
    done = Held("urn::deletions", "poste-mail:index:Deletions", {"mailboxes": ["bob@example.com"], "domains": []})
    state = [*held(Mailbox=ANN, Alias="sales@example.com", MailDomain="example.com"), done]
    domain = com(mailboxes=[BOX], aliases={"sales@example.com": ANN})
    assert said(state, domains=[domain], deleteMailboxes=["bob@example.com"]) == []
    assert said(held(Mailbox=ANN), deleteMailboxes=[ANN]) == [
        f"{ANN} is named in deleteMailboxes: its mailbox is deleted, with all its mail"
    ]
    assert said([], deleteDomains=["example.org"]) == [
        "example.org is named in deleteDomains: it is deleted in Poste, with all its mailboxes and their mail"
    ]


def test_a_domain_whose_records_still_lead_here_is_not_deleted_in_the_same_deploy() -> None:
    state = held(MailDomain="example.com example.org")
    (reason,) = too_early(state, settings(deleteDomains=["example.org"]))
    assert reason.startswith("deleteDomains: example.org still has its DNS records")
    assert list(too_early(held(MailDomain="example.com"), settings(deleteDomains=["example.org"]))) == []
    with pytest.raises(pulumi.RunError, match="still has its DNS records"):
        tell_who_leaves(state, settings(deleteDomains=["example.org"]))
