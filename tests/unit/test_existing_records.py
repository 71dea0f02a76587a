"""Foreign records that are in the way are found; what is ours, adopted or unrelated is left alone."""

import pytest

from components.existing_records import Record, Wanted, explain, in_the_way

OWNER = "Managed by Pulumi: poste-mail/prod"
WANTED = [
    Wanted("host-a", "mail.example.com", "A"),
    Wanted("host-aaaa", "mail.example.com", "AAAA"),
    Wanted("mx", "example.com", "MX"),
    Wanted("spf", "example.com", "TXT", "v=spf1"),
    Wanted("dmarc", "_dmarc.example.com", "TXT", "v=dmarc1"),
]


def record(name: str, kind: str, content: str, comment: str = "", identifier: str = "id1") -> Record:
    return Record(identifier, name, kind, content, comment)


@pytest.mark.parametrize(
    ("existing", "resource"),
    [
        (record("example.com", "MX", "mx.other.example"), "mx"),
        (record("Example.com", "MX", "mx.other.example"), "mx"),
        (record("example.com", "TXT", "v=spf1 -all"), "spf"),
        (record("example.com", "TXT", '"V=SPF1 " "-all"'), "spf"),
        (record("_dmarc.example.com", "TXT", '"v=DMARC1; p=none"'), "dmarc"),
        (record("_dmarc.example.com", "CNAME", "dmarc.other.example"), "dmarc"),
        (record("mail.example.com", "A", "198.51.100.9"), "host-a"),
        (record("mail.example.com", "AAAA", "2001:db8::9"), "host-aaaa"),
        (record("mail.example.com", "CNAME", "other.example"), "host-a"),
        (record("mail.example.com", "A", "198.51.100.9", "Managed by Pulumi: poste-mail/staging"), "host-a"),
    ],
)
def test_a_foreign_record_that_clashes_is_found_once(existing: Record, resource: str) -> None:
    assert [(want.resource, found) for want, found in in_the_way(WANTED, [existing], OWNER, [])] == [
        (resource, existing)
    ]


@pytest.mark.parametrize(
    "existing",
    [
        record("example.com", "A", "198.51.100.9"),
        record("example.com", "TXT", '"google-site-verification=x"'),
        record("www.example.com", "CNAME", "example.com"),
        record("*.example.com", "MX", "mx.other.example"),
        record("example.com", "MX", "mail.example.com", OWNER),
    ],
)
def test_what_may_stand_beside_ours_is_left_alone(existing: Record) -> None:
    assert list(in_the_way(WANTED, [existing], OWNER, [])) == []


def test_an_adopted_record_is_no_longer_in_the_way() -> None:
    existing = record("example.com", "MX", "mx.other.example", identifier="taken-over")
    assert list(in_the_way(WANTED, [existing], OWNER, ["taken-over"])) == []


def test_the_explanation_gives_name_content_and_both_commands() -> None:
    existing = record("example.com", "MX", "mx.other.example", identifier="abc")
    text = explain("zone1", [(WANTED[2], existing)], adopted=3, stack="prod")
    assert "example.com MX mx.other.example" in text
    assert "pulumi import cloudflare:index/dnsRecord:DnsRecord mx zone1/abc --stack prod --generate-code=false" in text
    assert "pulumi config set --path 'adoptedRecords[3]' abc --stack prod" in text
