"""Which other senders a domain may name, and what is kept of a policy that is taken over."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.records import spf
from model.settings import MailDomainSettings
from model.spf_terms import sender, terms_beside


def domain(**changes: Any) -> MailDomainSettings:
    return MailDomainSettings.model_validate({"name": "example.com"} | changes)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("include:_spf.example.net", "include:_spf.example.net"),
        ("+INCLUDE:_spf.Example.NET", "include:_spf.example.net"),
        ("include:%{ir}.%{v}.%{d}.spf.example.net", "include:%{ir}.%{v}.%{d}.spf.example.net"),
        ("include:spf_2.example.net", "include:spf_2.example.net"),
        ("a:news.example.net", "a:news.example.net"),
        ("mx:example.net", "mx:example.net"),
        ("include:_spf.example.net.", "include:_spf.example.net"),
        ("ip4:198.51.100.7", "ip4:198.51.100.7"),
        ("ip4:198.51.100.7/24", "ip4:198.51.100.0/24"),
        ("ip6:2001:DB8::/32", "ip6:2001:db8::/32"),
    ],
)
def test_a_term_that_allows_one_sender_is_kept_in_one_form(written: str, kept: str) -> None:
    assert domain(senders=[written]).senders == (kept,)


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("+all", "allows or refuses everyone"),
        ("?all", "allows or refuses everyone"),
        ("all", "allows or refuses everyone"),
        ("ip4:0.0.0.0/0", "allows 4294967296 addresses"),
        ("ip4:0.0.0.0/1", "allows 2147483648 addresses"),
        ("ip6:::/0", "allows 3402"),
        ("exists:%{i}.example.net", "can allow any address"),
        ("ptr", "must not be used"),
        ("ptr:example.net", "must not be used"),
        ("redirect=_spf.example.net", "replaces the whole policy; use include:"),
        ("a", "of its own accord"),
        ("mx", "of its own accord"),
        ("198.51.100.7", "for example ip4:198.51.100.7"),
        ("2001:db8::1", "for example ip6:2001:db8::1"),
        ("_spf.example.net", "for example include:_spf.example.net or a:_spf.example.net"),
        ("ip4:2001:db8::1", "Expected ip6:2001:db8::1"),
        ("ip4:198.51.100", "Expected an address or network"),
        ("a:198.51.100.7", "no SPF term that allows a sender"),
        ("include:%{d}", "no SPF term that allows a sender"),
        ("include:a.example include:b.example", "Expected one, for example include:a.example or include:b.example"),
        ("include:a.example ~all", "Expected one, for example include:a.example"),
        ('"v=spf1 include:a.example ~all"', "Expected one, for example include:a.example"),
        ('"include:a.example ?all"', "Expected one, for example include:a.example"),
        ("-ip4:198.51.100.7", "no SPF term that allows a sender"),
        ("v=spf1", "no SPF term that allows a sender"),
        ("v=spf1 include:a.example ~all", "Expected one, for example include:a.example"),
        ("", "no SPF term that allows a sender"),
    ],
)
def test_a_term_that_allows_the_world_or_nothing_is_refused_with_what_would_be_right(term: str, reason: str) -> None:
    with pytest.raises(ValueError, match="Expected") as caught:
        sender(term)
    assert reason in str(caught.value)


def test_the_policy_is_one_and_names_the_servers_addresses_before_other_senders() -> None:
    text = spf("198.51.100.7", "2001:db8::1", "~all", ["include:_spf.example.net"])
    assert text == "v=spf1 a mx ip4:198.51.100.7 ip6:2001:db8::1 include:_spf.example.net ~all"
    assert spf("198.51.100.7", "2001:db8::1", "-all", a=False) == "v=spf1 mx ip4:198.51.100.7 ip6:2001:db8::1 -all"


def test_a_policy_that_receivers_would_stop_reading_is_refused() -> None:
    includes = [f"include:_spf{number}.example.net" for number in range(9)]
    assert len(domain(senders=includes[:8]).senders) == 8
    assert len(domain(senders=includes, spfA=False).senders) == 9
    assert len(domain(senders=[*includes[:8], "ip4:198.51.100.7"]).senders) == 9
    with pytest.raises(ValidationError, match="costs 11 look-ups, and receivers stop at 10"):
        domain(senders=includes)


def test_a_sender_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than once"):
        domain(senders=["include:_spf.example.net", "+include:_SPF.example.net"])


@pytest.mark.parametrize(
    ("policy", "keep", "drop"),
    [
        ("v=spf1 include:_spf.example.net ~all", ["include:_spf.example.net"], []),
        ("v=spf1 +a +mx ip4:198.51.100.9 -all", ["ip4:198.51.100.9"], []),
        ("v=spf1 redirect=_spf.example.net", ["include:_spf.example.net"], []),
        ("v=spf1 include:there.example exists:%{i}.example.net ?include:x.example +all", [],
         ["exists:%{i}.example.net", "?include:x.example"]),
        ("v=spf1 -all", [], []),
    ],
)  # fmt: skip
def test_what_another_policy_allows_beside_ours_is_kept_where_it_may_be(
    policy: str, keep: list[str], drop: list[str]
) -> None:
    assert terms_beside(policy, "v=spf1 a mx include:there.example ~all") == (keep, drop)
