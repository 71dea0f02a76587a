"""The rules for CAA records."""

import json
from typing import Any

import pytest

from model.records import permission
from policy.model import COMMAND, DNS_RECORD, UNKNOWN, Resource
from tests.support.case import Case, holds, sentence, stack

ACCOUNT, OTHER = (f"https://acme-v02.api.letsencrypt.org/acme/acct/{number}" for number in (1, 2))
OURS = permission("letsencrypt.org", ACCOUNT)
HOST = "mail.example.com"
FORMER = stack(formerMailHosts=["mx.example.com"])
NAMELESS = stack(acmeServer="https://acme.example.net/directory")
NAMED = stack(acmeServer="https://acme.example.net/directory", acmeIssuer="ca.example.net")
PLACE, TELLS = "caa-permits-the-authority", "caa-names-the-account"


def record(value: Any = OURS, name: Any = HOST, tag: Any = "issue") -> Resource:
    data = {"flags": 0, "tag": tag, "value": value}
    return Resource(DNS_RECORD, "x", {"type": "CAA", "name": name, "data": data}, f"{name} {value}")


def command(stdout: Any, argument: str = " account") -> Resource:
    line = f"python3 /opt/poste-mail/certificate.py{argument} # script 0123456789ab, rerun 0"
    return Resource(COMMAND, "certificate", {"create": line, "stdout": stdout}, "certificate")


def told(account: str) -> str:
    return json.dumps({"account": account})


CASES = [
    Case(
        "the authority at each name of the certificate", PLACE, [record(), record(name="mx.example.com")], None, FORMER
    ),
    Case("another authority by its name", PLACE, [record(permission("ca.example.net", ACCOUNT))], None, NAMED),
    Case(
        "the parameters in another order",
        PLACE,
        [record(f" letsencrypt.org ;validationmethods=http-01;accounturi={ACCOUNT}")],
    ),
    *(
        Case(f"the permission {value}", PLACE, [record(value)], finds)
        for value, finds in (
            (";", "no authority at all"),
            (" ;", "no authority at all"),
            ("", "no authority at all"),
            (None, "no authority at all"),
            (f"; accounturi={ACCOUNT}; validationmethods=http-01", "no authority at all"),
            (permission("ca.example.net", ACCOUNT), "permits ca.example.net; the settings say letsencrypt.org"),
            ("letsencrypt.org", "whoever has an account"),
            ("letsencrypt.org; validationmethods=http-01", "whoever has an account"),
            ("letsencrypt.org; accounturi=; validationmethods=http-01", "whoever has an account"),
            (f"letsencrypt.org; accounturi={ACCOUNT}", "other ways of proof"),
            (f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01", "other ways of proof"),
            (f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=http-01,dns-01", "other ways of proof"),
        )
    ),
    Case("a record for wildcards", PLACE, [record(";", tag="issuewild")], "says issuewild, not issue"),
    Case("no fields", PLACE, [Resource(DNS_RECORD, "x", {"type": "CAA", "name": HOST})], "says None"),
    Case("a record at the zone's own name", PLACE, [record(name="example.com")], "the zone's own name"),
    Case(
        "a record at the zone's own name, which is a name of the certificate",
        PLACE,
        [record(name="example.com")],
        "the zone's own name",
        stack(mailHost="example.com"),
    ),
    Case("a record at another host", PLACE, [record(name="mta-sts.example.com")], "no name of the certificate"),
    Case("an authority without a name", PLACE, [record()], "name no authority", NAMELESS),
    Case("no authority", PLACE, [record()], "name no authority", stack(certificate="none, in tests")),
    Case("what is not known yet", PLACE, [record(UNKNOWN), record(name=UNKNOWN), record(tag=UNKNOWN)]),
    Case("the server's own account", TELLS, [record(), command(told(ACCOUNT)), command(told(ACCOUNT), "")]),
    Case("another account", TELLS, [record(), command(told(OTHER))], f"the account {ACCOUNT}, which is not"),
    Case("no account", TELLS, [record("letsencrypt.org"), command(told(ACCOUNT))], "the account None"),
    Case(
        "accounts that are not known yet, and other commands",
        TELLS,
        [record(), command(UNKNOWN), command("{}"), command("[]"), command("hello"), command(told(OTHER), "_x.py")],
    ),
    Case("a permission that is not known yet", TELLS, [record(UNKNOWN), command(told(OTHER))]),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
