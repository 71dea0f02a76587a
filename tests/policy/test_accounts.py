"""The rules for mailboxes and aliases."""

import json
from typing import Any

import pytest

from policy.model import COMMAND, STACK, UNKNOWN, Resource
from policy.stack import names_a_secret
from tests.support.case import Case, holds, sentence, stack

ANN, ADMIN = "ann@example.com", "admin@example.com"
NAMED = stack(domains=[{"name": "example.com", "mailboxes": [{"address": ANN, "administrator": True}]}])
TWO = stack(domains=[{"name": "example.com"}, {"name": "example.org"}])
PINNED = {"administrators": ["Admin@example.com"]}


def mailbox(address: str = ANN, **wanted: Any) -> Resource:
    request = {"address": address, "kind": "mailbox", "wanted": wanted, "password": None}
    return Resource(COMMAND, f"accounts-{address}", {"stdin": json.dumps({"accounts": [request]})})


def alias(address: str, *targets: str, kind: str = "alias") -> Resource:
    request = {"address": address, "kind": kind, "wanted": {"redirectTo": targets}}
    return Resource(COMMAND, f"accounts-{address}", {"stdin": json.dumps({"accounts": ["?", request]})})


def routing(domain: str, forward_to: str | None = None) -> Resource:
    request = {"domain": domain, "catch_all": None, "forward_to": forward_to}
    return Resource(COMMAND, f"accounts-{domain}", {"stdin": json.dumps(request)})


OTHER = Resource(COMMAND, "other", {"stdin": json.dumps(["kind", "alias"])})
HIDDEN = Resource(COMMAND, "hidden", {"stdin": UNKNOWN})
WHOLE = Resource(STACK, "poste-mail-prod")

CASES = [
    Case("a mailbox with no rights", "administrators-named", [mailbox(superAdmin=False), mailbox(), OTHER, WHOLE]),
    Case("an administrator of the settings", "administrators-named", [mailbox(superAdmin=True)], stack=NAMED),
    Case("the administrator", "administrators-named", [mailbox(ADMIN, superAdmin=True), WHOLE], settings=PINNED),
    Case("an administrator whom nobody named", "administrators-named", [mailbox(superAdmin=True)], "makes ann@example"),
    Case(
        "an administrator of the settings, where the environment pins others",
        "administrators-named",
        [mailbox(superAdmin=True)],
        "makes ann@example.com an administrator",
        stack=NAMED,
        settings=PINNED,
    ),
    Case(
        "an adminAddress that the environment does not pin",
        "administrators-named",
        [WHOLE],
        "adminAddress admin@example.com is none of",
        settings={"administrators": [ANN]},
    ),
    Case("a command whose input is not known yet", "administrators-named", [HIDDEN]),
    Case(
        "mailbox, aliases and routing of the stack's domains",
        "mailbox-in-own-domain",
        [mailbox(), alias("all@example.org", "*@example.com", "bob@elsewhere.example"), routing("example.org"), OTHER],
        stack=TWO,
    ),
    Case("a mailbox of another domain", "mailbox-in-own-domain", [mailbox("a@example.net")], "a@example.net is in non"),
    Case("an alias of another domain", "mailbox-in-own-domain", [alias("a@example.net", ANN)], "a@example.net is in n"),
    Case("all of another domain", "mailbox-in-own-domain", [alias("a@example.com", "*@x.example")], "*@x.example, all"),
    Case("another domain's mail", "mailbox-in-own-domain", [routing("example.net", "x.example")], "leads mail of exam"),
    Case("a mailbox that is not known yet", "mailbox-in-own-domain", [HIDDEN]),
    Case(
        "aliases that lead to mailboxes, by one another and by a domain",
        "no-alias-loop",
        [
            alias("a@example.com", "b@example.com"),
            alias("b@example.com", ANN, "b@example.org"),
            routing("example.org", "example.net"),
            mailbox(),
            OTHER,
            HIDDEN,
        ],
    ),
    Case(
        "two aliases that lead to each other",
        "no-alias-loop",
        [alias("a@example.com", "B@example.com"), alias("b@example.com", "a@example.com", kind="role")],
        "@example.com leads to",
    ),
    Case(
        "an alias that leads back by a domain",
        "no-alias-loop",
        [alias("a@example.com", "a@example.org"), routing("example.org", "example.com")],
        "a@example.com leads to a@example.org leads to a@example.com",
    ),
    Case(
        "domains that lead to each other",
        "no-alias-loop",
        [routing("example.com", "example.org"), routing("example.org", "example.com")],
        "leads to example.",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("poste-mail:passwords.ann@example.com", True),
        ("poste-mail:passwords[0]", True),
        ("other:apiTokens.first", True),
        ("other:secrets.a.b", True),
        ("poste-mail:heartbeat.url", True),
        ("poste-mail:watch.queueLength", False),
        ("poste-mail:domains[0].name", False),
        ("poste-mail:mailHost", False),
    ],
)
def test_entries_of_a_table_of_secrets_are_secrets(path: str, is_one: bool) -> None:
    assert names_a_secret(path) is is_one
