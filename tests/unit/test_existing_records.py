"""Records that stand in a zone: which are in the way of ours, and what is said of each."""

from dataclasses import replace

import pytest

from model.existing_records import Kind, Record
from model.record_conflicts import Conflict, Ownership, conflicts, explain
from model.wanted_records import wanted_records
from tests.support.examples import settings

ZONE = "example.com"
OWNER = "0123456789abcdef"
OURS = f"Managed by Pulumi: poste-mail/prod {OWNER}"
NOBODY = Ownership(OWNER, "Managed by Pulumi: poste-mail/prod")
WANTED = list(wanted_records(settings()))


def record(name: str, kind: str, content: str, comment: str = "", identifier: str = "id1") -> Record:
    return Record(identifier, name, kind, content, comment)


def found(*existing: Record, ownership: Ownership = NOBODY) -> list[Conflict]:
    return list(conflicts(WANTED, existing, ZONE, ownership))


def ways(*existing: Record, ownership: Ownership = NOBODY) -> list[tuple[str, str, str]]:
    return [(item.record.id, item.wanted.resource, item.way) for item in found(*existing, ownership=ownership)]


@pytest.mark.parametrize(
    ("existing", "resource", "way"),
    [
        (record("example.com", "MX", "mx.other.example"), "example.com-mx", "take over"),
        (record("example.com", "MX", "."), "example.com-mx", "take over"),
        (record("example.com", "TXT", "v=spf1 -all"), "example.com-spf", "take over"),
        (record("example.com", "TXT", '"V=SPF1 " "-all"'), "example.com-spf", "take over"),
        (record("example.com", "TXT", 'v=spf1 include:other.example "~all"'), "example.com-spf", "take over"),
        (record("example.com", "TXT", "v=spf1"), "example.com-spf", "take over"),
        (record("_dmarc.example.com", "TXT", '"v=DMARC1; p=none"'), "example.com-dmarc", "take over"),
        (record("_dmarc.example.com", "TXT", "v = DMARC1 ; p=none"), "example.com-dmarc", "take over"),
        (record("_dmarc.example.com", "CNAME", "dmarc.other.example"), "example.com-dmarc", "rename"),
        (record("mail.example.com", "A", "198.51.100.9"), "mail.example.com-a", "take over"),
        (record("mail.example.com", "AAAA", "2001:db8::9"), "mail.example.com-aaaa", "take over"),
        (record("mail.example.com", "CNAME", "other.example"), "mail.example.com-a", "rename"),
        (record("mail.example.com", "NS", "ns.other.example"), "mail.example.com-a", "rename"),
        (record("_dmarc.example.com", "NS", "ns.other.example"), "example.com-dmarc", "rename"),
        (record("_domainkey.example.com", "NS", "ns.other.example"), "example.com-dkim", "rename"),
        (record("mail.example.com", "A", "198.51.100.9", "Managed by Pulumi: poste-mail/staging"),
         "mail.example.com-a", "take over"),
    ],
)  # fmt: skip
def test_a_foreign_record_that_clashes_is_found_once_with_a_way_out(existing: Record, resource: str, way: str) -> None:
    assert ways(existing) == [("id1", resource, way)]


@pytest.mark.parametrize(
    "existing",
    [
        record("example.com", "A", "198.51.100.9"),
        record("example.com", "CNAME", "site.other.example"),
        record("example.com", "NS", "ns.other.example"),
        record("example.com", "TXT", '"google-site-verification=x"'),
        record("example.com", "TXT", '"v=spf10 is no version of SPF"'),
        record("www.example.com", "CNAME", "example.com"),
        record("www.example.com", "NS", "ns.other.example"),
        record("*.example.com", "MX", "mx.other.example"),
        record("other._domainkey.example.com", "TXT", '"v=DKIM1; p=abc"'),
    ],
)
def test_what_may_stand_beside_ours_is_left_alone(existing: Record) -> None:
    assert ways(existing) == []


@pytest.mark.parametrize("comment", ["", "edited by hand", OURS, "Managed by Pulumi: poste-mail/old-name"])
def test_a_record_in_the_state_is_ours_whatever_its_comment_and_content_say(comment: str) -> None:
    known = replace(NOBODY, ids={"id1"}, resources={"example.com-mx"})
    assert ways(record("example.com", "MX", "edited.example", comment), ownership=known) == []


@pytest.mark.parametrize(
    "existing",
    [
        record("example.com", "MX", "elsewhere.example", OURS),
        record("example.com", "MX", "elsewhere.example", "Managed by Pulumi: poste-mail/prod"),
        record("example.com", "MX", "mail.example.com"),
        record("example.com", "MX", "Mail.Example.com."),
        record("example.com", "TXT", '"v=spf1 a mx ip4:198.51.100.7 ip6:2001:DB8:0::1 ~all"'),
        record("_dmarc.example.com", "TXT", "v=DMARC1;p=reject;rua=mailto:admin@example.com;"
               "ruf=mailto:admin@example.com;fo=1;"),
        record("mail.example.com", "A", "198.51.100.7"),
        record("s1._domainkey.example.com", "TXT", '"v=DKIM1; p=abc"', OURS),
    ],
)  # fmt: skip
def test_ours_or_just_as_ours_but_unknown_to_the_state_is_brought_back_and_not_made_twice(existing: Record) -> None:
    addresses = replace(NOBODY, addresses=["198.51.100.7", "2001:db8::1"])
    assert [way for _, _, way in ways(existing, ownership=addresses)] == ["lost"]


def test_a_policy_for_another_address_than_the_servers_is_foreign() -> None:
    existing = record("example.com", "TXT", '"v=spf1 a mx ip4:198.51.100.8 ~all"')
    addresses = replace(NOBODY, addresses=["198.51.100.7", "2001:db8::1"])
    assert [way for _, _, way in ways(existing, ownership=addresses)] == ["take over"]


def test_of_several_foreign_records_one_is_taken_over_and_the_others_are_to_be_deleted() -> None:
    three = [record("example.com", "MX", f"mx{number}.other.example", "", f"id{number}") for number in range(3)]
    assert ways(*three) == [
        ("id0", "example.com-mx", "take over"),
        ("id1", "example.com-mx", "delete"),
        ("id2", "example.com-mx", "delete"),
    ]


def test_after_one_was_taken_over_the_others_still_stop_the_preview() -> None:
    three = [record("example.com", "MX", f"mx{number}.other.example", "", f"id{number}") for number in range(3)]
    known = replace(NOBODY, ids={"id1"}, resources={"example.com-mx"})
    assert [(identifier, way) for identifier, _, way in ways(*three, ownership=known)] == [
        ("id0", "delete"),
        ("id2", "delete"),
    ]


def test_the_one_that_is_ours_is_brought_back_before_a_foreign_one_is_taken_over() -> None:
    foreign, lost = (
        record("example.com", "MX", "mx.other.example", "", "foreign"),
        record("example.com", "MX", "x", OURS),
    )
    assert [way for _, _, way in ways(foreign, lost)] == ["lost", "delete"]


def test_adopted_but_never_imported_is_not_ours() -> None:
    adopted = replace(NOBODY, adopted={"id1"})
    assert [way for _, _, way in ways(record("example.com", "MX", "mx.other.example"), ownership=adopted)] == [
        "adopted"
    ]


def test_a_record_that_cloudflare_locks_is_told_as_such_and_not_offered_for_import() -> None:
    locked = replace(record("example.com", "MX", "route1.mx.cloudflare.net"), locked=True)
    text = explain([("zone1", item) for item in found(locked)], settings(), "prod")
    assert "turn Email Routing off" in text
    assert "pulumi import" not in text


@pytest.mark.parametrize("kind", ["SPF", "DMARC", "DKIM"])
def test_another_type_than_ours_is_never_offered_for_import(kind: Kind) -> None:
    (want,) = (want for want in WANTED if want.kind == kind)
    name = want.name.replace("*", "s1")
    existing = record(name, "CNAME", "elsewhere.example")
    wanted = [replace(want, name=name, domain="sub")]
    text = explain([("zone1", item) for item in conflicts(wanted, [existing], "com", NOBODY)], settings(), "prod")
    assert f"{name} CNAME elsewhere.example (id id1)" in text
    assert "pulumi import" not in text


def test_at_our_selector_any_text_is_in_the_way() -> None:
    (want,) = (want for want in WANTED if want.kind == "DKIM")
    at_selector = replace(want, name="s1._domainkey.example.com", content="v=DKIM1; k=rsa; p=abc")
    existing = record("s1._domainkey.example.com", "TXT", '"k=rsa; p=def"')
    assert [item.way for item in conflicts([at_selector], [existing], ZONE, NOBODY)] == ["take over"]
    existing = record("s1._domainkey.example.com", "TXT", '"v=DKIM1; k=rsa; " "p=abc"')
    assert [item.way for item in conflicts([at_selector], [existing], ZONE, NOBODY)] == ["lost"]


def test_the_explanation_gives_name_content_comment_and_one_import_for_each_that_is_taken_over() -> None:
    existing = [
        record("example.com", "MX", "mx1.other.example", "from the old provider", "abc"),
        record("example.com", "MX", "mx2.other.example", "", "def"),
        record("_dmarc.example.com", "TXT", '"v=DMARC1; p=none"', "", "ghi"),
    ]
    text = explain([("zone1", item) for item in found(*existing)], settings(), "prod")
    assert "example.com MX mx1.other.example (id abc, comment 'from the old provider')" in text
    imports = [line.split()[3:5] for line in text.splitlines() if line.strip().startswith("pulumi import")]
    assert imports == [["example.com-dmarc", "zone1/ghi"], ["example.com-mx", "zone1/abc"]]
    assert "example.com MX mx2.other.example (id def)" in text
    assert "delete this one at Cloudflare" in text


def test_taking_over_an_spf_policy_says_how_to_keep_the_senders_it_allows() -> None:
    existing = record("example.com", "TXT", '"v=spf1 mx include:_spf.example.net ip4:198.51.100.80 exists:%{i}.x -all"')
    text = explain([("zone1", item) for item in found(existing)], settings(), "prod")
    assert "pulumi config set --path 'domains[0].senders[0]' 'include:_spf.example.net' --stack prod" in text
    assert "pulumi config set --path 'domains[0].senders[1]' 'ip4:198.51.100.80' --stack prod" in text
    assert "cannot be kept: exists:%{i}.x" in text
