"""The rule for TLSRPT records."""

from typing import Any

import pytest

from model.records import tls_reports, tls_reports_name, txt
from policy.model import DNS_RECORD, UNKNOWN, Resource
from tests.support.case import Case, holds, sentence

RULE, PLACE = "tls-reports-valid", tls_reports_name("example.com")


def record(text: Any, name: Any = PLACE) -> Resource:
    content = txt(text) if isinstance(text, str) else text
    return Resource(DNS_RECORD, "x", {"type": "TXT", "name": name, "content": content}, str(text))


CASES = [
    Case(
        "records as the program makes them",
        RULE,
        [record(tls_reports(["a@example.com"])), record(tls_reports(["a@example.com", "b@example.org"]))],
    ),
    Case("an address by https:", RULE, [record("v=TLSRPTv1; rua=https://reports.example.net/v1;")]),
    Case("a text elsewhere", RULE, [record("rua=", "example.com")]),
    Case("what is not known yet", RULE, [record(UNKNOWN), record("rua=", UNKNOWN)]),
    *(
        Case(f"the text {text}", RULE, [record(text)], "is no v=TLSRPTv1 record")
        for text in (
            "",
            "v=TLSRPTv1",
            "v=TLSRPTv1; rua=",
            "v=TLSRPTv2; rua=mailto:a@example.com",
            "v=tlsrptv1; rua=mailto:a@example.com",
            "rua=mailto:a@example.com; v=TLSRPTv1",
            "v=TLSRPTv1; rua=a@example.com",
            "v=TLSRPTv1; rua=mailto:example.com",
            "v=TLSRPTv1; rua=mailto:a@example.com mailto:b@example.com",
            "v=TLSRPTv1; rua=mailto:a@example.com,b@example.com",
            "v=TLSRPTv1; rua=mailto:a@example.com!10m",
            "v=TLSRPTv1; rua=http://reports.example.net/",
            "v=TLSRPTv1; rua=https:///v1",
            "v=TLSRPTv1; rua=mailto:a@example.com; x=y",
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
