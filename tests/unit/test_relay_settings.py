"""The setting relay: what it takes, what it contradicts, and which records it asks for."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.contradictions import contradictions
from model.existing_records import Record
from model.record_conflicts import Conflict, Ownership, conflicts
from model.relay import Relay
from model.wanted_records import wanted_records
from tests.support.examples import RELAY, settings
from tests.unit.test_vanishing_records import reasons

KEY, BACK = RELAY["records"][0], RELAY["records"][1]


def mistakes(**relay: Any) -> dict[str, str]:
    """What is contradictory with a relay like this, by place."""
    found = contradictions(settings(relay=RELAY | relay, formerMailHosts=["mx.example.com"]))
    return {".".join(map(str, place)) if isinstance(place, tuple) else place: text for place, text in found}


@pytest.mark.parametrize("name", ["user", "password"])
@pytest.mark.parametrize("text", ["a|b", 'a"b', "a\\b", "a${b}", " ab", "ab ", "a\nb", "ab\n", "ä", ""])
def test_what_postes_setting_cannot_hold_is_refused_and_a_password_never_shown(name: str, text: str) -> None:
    with pytest.raises(ValidationError) as error:
        Relay.model_validate(RELAY | {name: text})
    assert "smtp_routes" in str(error.value)
    assert "line breaks at its ends" in str(error.value)
    assert "have the relay make another one" in str(error.value)
    assert name == "user" or not text.strip() or f"'{text}'" not in str(error.value)


@pytest.mark.parametrize("text", ["a;b", "a:b=c", "AKIA$x", "p w", "'#{}%"])
def test_all_else_is_a_password(text: str) -> None:
    assert Relay.model_validate(RELAY | {"password": text}).route == f"*:smtp.relay.example;587|club|{text}"


@pytest.mark.parametrize("host", ["smtp.relay.example:587", "smtps://smtp.relay.example", "198.51.100.7", "localhost"])
def test_where_it_takes_mail_is_a_name_alone(host: str) -> None:
    """Its certificate proves the name, and the port is a setting of its own."""
    right = r"name alone.* for example smtp\.example\.net, and its port in relay\.port"
    with pytest.raises(ValidationError, match=right):
        Relay.model_validate(RELAY | {"host": host})


@pytest.mark.parametrize(
    "password", ["BPx+/=k3N/Ab+c==", "abcd efgh ijkl mnop", "SG.nge_VfQ-KUlo.TwL2iGABf9DHoTf-09", "[x]", "null"]
)
def test_passwords_as_relays_make_them_are_taken_whole(password: str) -> None:
    assert Relay.model_validate(RELAY | {"password": password}).route.endswith(f"|{password}")


@pytest.mark.parametrize("name", ["user", "password"])
def test_a_truth_value_is_not_taken_for_a_word(name: str) -> None:
    """Written as `true`, it would reach the relay as `True`."""
    with pytest.raises(ValidationError, match="valid string"):
        Relay.model_validate(RELAY | {name: True})


def test_numbers_and_digits_are_what_they_look_like() -> None:
    """So `pulumi config set --path` and people's YAML may have either."""
    proof = {"name": "example.com", "type": "TXT", "content": 4711}
    written = Relay.model_validate(RELAY | {"user": 12345, "password": 678, "port": "2525", "records": [proof]})
    assert (written.route, written.records[0].content) == ("*:smtp.relay.example;2525|12345|678", "4711")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "s1"}, "Expected the whole name"),
        ({"content": "198.51.100.7/x"}, "is no host's name"),
        ({"content": "198.51.100.7"}, "is no host's name"),
        ({"content": KEY["name"]}, "leads to itself"),
        ({"type": "A"}, "Input should be 'CNAME', 'TXT' or 'MX'"),
        ({"type": "MX"}, "Expected a priority, for example 10"),
        ({"type": "MX", "content": "10 mx.relay.example"}, "mx.relay.example is no host.*number before it as priority"),
        ({"priority": 10}, "Expected a priority of MX records only"),
        ({"type": "TXT", "content": "grüße"}, "Expected a text of printable ASCII"),
        ({"type": "TXT", "content": r"k=rsa\; p=MIGf"}, "without quotation marks about and backslashes in it"),
        ({"type": "TXT", "content": '"k=rsa; p=MIGf'}, "without quotation marks about"),
        ({"type": "TXT", "content": "'k=rsa; p=MIGf'"}, "without quotation marks about"),
    ],
)
def test_a_record_of_a_relay_that_could_not_be_made_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Relay.model_validate(RELAY | {"records": [KEY | changes]})


def test_records_are_kept_as_cloudflare_keeps_them_however_a_relay_writes_them() -> None:
    written = [
        {"name": "S1._DomainKey.Example.com.", "type": "CNAME", "content": "S1.Relay.Example."},
        {"name": "back.example.com", "type": "TXT", "content": '"v=spf1 " "-all"'},
        {"name": " key.example.com\t", "type": "TXT", "content": ' "k=rsa\\; p=MIGf"\n  "AAA"\n'},
        {"name": "ret.example.com", "type": "CNAME", "content": " pm.example.net.\n"},
        {"name": "code.example.com", "type": "TXT", "content": " relay-code:abc\n"},
    ]
    kept = Relay.model_validate(RELAY | {"records": written}).records
    assert [(record.name, record.content) for record in kept] == [
        ("s1._domainkey.example.com", "s1.relay.example"), ("back.example.com", "v=spf1 -all"),
        ("key.example.com", "k=rsa; p=MIGfAAA"), ("ret.example.com", "pm.example.net"),
        ("code.example.com", "relay-code:abc"),
    ]  # fmt: skip


def test_its_senders_are_in_every_domains_spf_policy_behind_the_domains_own_and_once() -> None:
    domains = [
        {"name": "example.com", "senders": ["ip4:192.0.2.9", "include:spf.relay.example"]},
        {"name": "a.example"},
    ]
    policies = [want.content for want in wanted_records(settings(relay=RELAY, domains=domains)) if want.kind == "SPF"]
    assert policies == [
        "v=spf1 a mx ip4:192.0.2.9 include:spf.relay.example ~all", "v=spf1 a mx include:spf.relay.example ~all",
    ]  # fmt: skip


def test_its_records_stand_in_the_zone_of_the_domain_that_they_lie_in() -> None:
    other = {"name": "s1._domainkey.shop.example.com", "type": "CNAME", "content": "s1.relay.example"}
    second = BACK | {"content": "mx2.relay.example"}
    chosen = settings(
        relay=RELAY | {"records": [*RELAY["records"], second, other]},
        domains=[{"name": "example.com"}, {"name": "shop.example.com"}],
    )
    assert {want.resource: (want.domain, want.priority) for want in wanted_records(chosen) if want.kind == "relay"} == {
        "relay1._domainkey.example.com-relay-cname": ("example.com", None),
        "back.example.com-relay-mx": ("example.com", 10),
        "back.example.com-relay-mx-2": ("example.com", 10),
        "back.example.com-relay-txt": ("example.com", None),
        "s1._domainkey.shop.example.com-relay-cname": ("shop.example.com", None),
    }
    assert list(contradictions(chosen)) == []


def test_a_relay_that_contradicts_nothing_is_taken() -> None:
    assert mistakes() == {}


@pytest.mark.parametrize("host", ["mail.example.com", "mx.example.com"])
def test_the_mail_host_is_no_relay_for_itself(host: str) -> None:
    assert "is this mail server itself" in mistakes(host=host)["relay.host"]


def test_look_ups_of_the_relays_senders_and_the_domains_own_are_counted_together() -> None:
    many = [f"include:s{number}.relay.example" for number in range(9)]
    assert mistakes(senders=many[:8]) == {}
    assert "costs 11 look-ups, and receivers stop at 10" in mistakes(senders=many)["relay.senders"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (KEY | {"name": "s1._domainkey.other.example"}, "lies in the zone of none of the domains"),
        (KEY | {"name": "s1._domainkey.example.com.example.com"}, "ends with example.com twice. Expected it once"),
        (KEY | {"name": "mail.example.com"}, "this stack's own address record"),
        (KEY | {"name": "_dmarc.example.com"}, "this stack's own DMARC record"),
        (KEY | {"name": "example.com"}, "this stack's own SPF record"),
        (BACK | {"name": "example.com"}, "this stack's own MX record"),
        (BACK | {"name": "mx.example.com"}, "this stack's own null MX record"),
        (
            {"name": "example.com", "type": "TXT", "content": "v=spf1 include:a.example -all"},
            "this stack's own SPF record there. Expected its include: terms in relay.senders",
        ),
        (
            {"name": "_dmarc.example.com", "type": "TXT", "content": "v=DMARC1; p=none"},
            "this stack's own DMARC record there. Leave it out",
        ),
        (KEY | {"content": "other.relay.example"}, "this stack's own relay record"),
        (KEY | {"name": "back.example.com"}, "this stack's own relay record"),
        (BACK | {"content": "MX.relay.example."}, "MX of back.example.com is the same as one before. Expected each"),
    ],
)
def test_a_record_of_a_relay_cannot_stand_where_one_of_ours_does(record: dict[str, Any], why: str) -> None:
    found = mistakes(records=[*RELAY["records"], record])
    assert why in (found.get("relay.records.3") or found["relay.records.3.name"])


def test_a_proof_of_ownership_may_stand_beside_the_domains_own_texts() -> None:
    assert mistakes(records=[{"name": "example.com", "type": "TXT", "content": "relay-code:abc"}]) == {}


def test_its_records_go_with_the_setting_even_where_records_are_protected() -> None:
    assert reasons({"relay": RELAY}, {}) == []


def ways(*existing: Record) -> list[Conflict]:
    wanted = [want for want in wanted_records(settings(relay=RELAY)) if want.kind == "relay"]
    return list(conflicts(wanted, existing, "example.com", Ownership("0123456789abcdef")))


@pytest.mark.parametrize(
    ("name", "kind", "content", "way"),
    [
        (KEY["name"], "CNAME", "other.relay.example", "take over"),
        (KEY["name"], "CNAME", KEY["content"], "lost"),
        (KEY["name"], "TXT", '"v=DKIM1; p=abc"', "rename"),
        ("back.example.com", "TXT", '"v=spf1 ~all"', "take over"),
        ("back.example.com", "CNAME", "other.example", "rename"),
    ],
)
def test_what_stands_in_the_way_of_a_relays_record_is_told(name: str, kind: str, content: str, way: str) -> None:
    assert {conflict.way for conflict in ways(Record("1", name, kind, content))} == {way}


def test_what_may_stand_beside_a_relays_record_is_left_alone() -> None:
    assert ways(Record("1", "back.example.com", "TXT", '"site=x"'), Record("2", "back.example.com", "A", "x")) == []
