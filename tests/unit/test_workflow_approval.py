"""The digest that stands for what a reviewer approved."""

from dataclasses import replace

import pytest

from operate.workflow.approval import digest
from operate.workflow.summary.changes import Change, Preview, Verb

MX = Change(Verb.CREATE, "cloudflare:index/dnsRecord:DnsRecord", "mx", {}, {"content": "mail.example.com"})
KEY = Change(Verb.CHANGE, "command:remote:Command", "key", {"stdin": "[secret]"}, {"stdin": "[secret]"}, ("stdin",))
PREVIEW = Preview([MX, KEY], unchanged=3)


def test_the_order_in_which_the_engine_tells_of_changes_does_not_matter() -> None:
    assert digest(Preview([KEY, MX], unchanged=3), "prod") == digest(PREVIEW, "prod")


@pytest.mark.parametrize(
    "other",
    [
        Preview([MX]),
        Preview([]),
        Preview([MX, KEY, replace(MX, name="mx2")]),
        Preview([replace(MX, verb=Verb.DESTROY), KEY]),
        Preview([replace(MX, new={"content": "mail.example.org"}), KEY]),
        Preview([replace(MX, old={"content": "mx.other.example"}), KEY]),
        Preview([MX, replace(KEY, forcing=("stdin",))]),
    ],
)
def test_any_other_change_has_another_digest(other: Preview) -> None:
    assert digest(other, "prod") != digest(PREVIEW, "prod")


def test_another_stack_or_commit_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", "a" * 40)
    approved = digest(PREVIEW, "prod")
    assert digest(PREVIEW, "staging") != approved
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    assert digest(PREVIEW, "prod") != approved
