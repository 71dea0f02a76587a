"""The rules for BIMI records."""

from typing import Any

import pytest

from model.bimi import Bimi, record_name
from model.records import dmarc_name, txt
from policy.model import DNS_RECORD, UNKNOWN, Resource
from tests.support.case import Case, holds, sentence

LOGO, CERTIFICATE = "https://example.com/logo.svg", "https://example.com/logo.pem"
PLACE = record_name("example.com")


def record(name: Any, text: Any) -> Resource:
    content = txt(text) if isinstance(text, str) else text
    return Resource(DNS_RECORD, "x", {"type": "TXT", "name": name, "content": content}, f"{name} {text}")


def policy(text: Any, domain: str = "example.com") -> Resource:
    return record(dmarc_name(domain), text)


OURS = record(PLACE, Bimi(logo=LOGO, certificate=CERTIFICATE).record)
STRICT = "bimi-where-dmarc-is-strict"

CASES = [
    Case("a logo with and without a certificate", "bimi-by-https", [OURS, record(PLACE, Bimi(logo=LOGO).record)]),
    Case("a text elsewhere", "bimi-by-https", [record("example.com", "v=BIMI1; l=; a=;")]),
    Case("what is not known yet", "bimi-by-https", [record(PLACE, UNKNOWN), record(UNKNOWN, "v=BIMI1; l=; a=;")]),
    *(
        Case(f"the text {text}", "bimi-by-https", [record(PLACE, text)], "does not name an SVG file")
        for text in (
            "",
            "v=BIMI1; l=; a=;",
            f"v=BIMI1; l={LOGO}",
            f"v=BIMI2; l={LOGO}; a=",
            f"l={LOGO}; v=BIMI1; a=",
            f"v=BIMI1; l={LOGO.replace('https', 'http')}; a=",
            f"v=BIMI1; l={LOGO.replace('svg', 'png')}; a=",
            f"v=BIMI1; l={LOGO}; a={CERTIFICATE.replace('https', 'http')}",
            f"v=BIMI1; l={LOGO}, {LOGO}; a=",
        )
    ),
    Case("another selector's", "bimi-by-https", [record("x._bimi.example.com", "v=BIMI1; l=; a=;")], "does not name"),
    *(
        Case(f"a logo beside {text}", STRICT, [OURS, policy(text)])
        for text in (
            "v=DMARC1; p=quarantine",
            "v=DMARC1; p=REJECT; sp=quarantine; t=n",
            "v=DMARC1; p=reject; np=none",
        )
    ),
    *(
        Case(f"a logo beside {text}", STRICT, [OURS, policy(text)], "no strict DMARC policy")
        for text in (
            "v=DMARC1; p=none",
            "v=DMARC1; p=reject; sp=none",
            "v=DMARC1; p=reject; t=y",
            "v=DMARC1; p=reject; t=Y",
            "v=DMARC1; rua=mailto:a@example.com",
        )
    ),
    Case("a logo without a DMARC policy", STRICT, [OURS], "The domain example.com has a BIMI record"),
    Case("a strict policy of another domain", STRICT, [OURS, policy("v=DMARC1; p=reject", "example.org")], "no strict"),
    Case("a mild policy without a logo", STRICT, [policy("v=DMARC1; p=none")]),
    Case(
        "a policy that is not known yet",
        STRICT,
        [OURS, policy(UNKNOWN), record(UNKNOWN, "v=BIMI1"), record(UNKNOWN, "x")],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
