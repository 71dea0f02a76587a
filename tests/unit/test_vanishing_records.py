"""Records of the state that the settings no longer ask for: they go on purpose only."""

from typing import Any

import pytest

from model.stack_state import Held
from model.vanishing_records import DNS_RECORD, made_records, twice, vanishing
from model.wanted_records import wanted_records
from tests.support.examples import settings

ZONE = "zone1"
PARENT = "urn:pulumi:prod::poste-mail::poste-mail:index:MailDomain$cloudflare:index/dnsRecord:DnsRecord::"
ROOT = "urn:pulumi:prod::poste-mail::cloudflare:index/dnsRecord:DnsRecord::"


def held(urn: str, name: str, identifier: str = "id1", kind: str = "A", content: str = "x") -> Held:
    return Held(urn, DNS_RECORD, {"id": identifier, "zoneId": ZONE, "name": name, "type": kind, "content": content})


def reasons(before: dict[str, Any], after: dict[str, Any], zone: str = ZONE) -> list[str]:
    """What is said about settings that follow others which were deployed."""
    made = [
        held(PARENT + want.resource, want.name, want.resource, want.type, want.content or "x")
        for want in wanted_records(settings(**before))
        if want.kind != "web"
    ]
    wanted = {want.resource: zone for want in wanted_records(settings(**after))}
    mail_host = settings(**before).mail_host
    return list(vanishing(made_records(made), wanted, settings(**after), mail_host, "prod"))


TWO = {"domains": [{"name": "example.com"}, {"name": "example.org", "dmarc": {"rua": [], "ruf": []}}]}
ONE = {"domains": [{"name": "example.com"}]}


@pytest.mark.parametrize(
    ("before", "after", "listed"),
    [
        (TWO, ONE, "example.org TXT, _dmarc.example.org TXT, *._domainkey.example.org TXT, example.org MX"),
        (ONE, {"networkMode": "bridge"}, "mail.example.com AAAA"),
        (ONE, {"domains": [{"name": "example.com", "receive": False}]}, "example.com MX"),
        ({"formerMailHosts": ["old.example.com"]}, {}, "old.example.com A, old.example.com AAAA"),
    ],
)
def test_protected_records_do_not_go_by_a_change_of_the_settings(
    before: dict[str, Any], after: dict[str, Any], listed: str
) -> None:
    (reason,) = reasons(before, after)
    assert f"they are protected: {listed}." in reason
    assert "pulumi config set --path 'unprotected[0]' records --stack prod" in reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"mtaSts": "testing", "clientSetup": True}, {}),
        ({}, {"certificate": "none, in tests"}),
        ({"domains": [{"name": "example.com", "bimi": {"logo": "https://example.com/logo.svg"}}]}, ONE),
        ({"optionalPorts": [4190]}, {"optionalPorts": []}),
    ],
)
def test_what_mail_goes_on_without_comes_and_goes_with_its_setting(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert {want.resource for want in wanted_records(settings(**after))} < {
        want.resource for want in wanted_records(settings(**before))
    }
    assert reasons(before, after) == []


@pytest.mark.parametrize("lifted", [{"protect": False}, {"unprotected": ["records"]}])
def test_they_go_once_their_protection_is_lifted(lifted: dict[str, Any]) -> None:
    assert reasons(TWO, ONE | lifted) == []
    assert len(reasons(TWO, ONE | {"unprotected": ["server"]})) == 1


def test_a_domain_does_not_move_to_another_zone_while_its_records_are_protected() -> None:
    (reason,) = reasons(ONE, ONE, zone="zone2")
    assert "example.com MX" in reason


@pytest.mark.parametrize("protect", [True, False])
def test_a_new_mail_host_without_the_old_one_among_the_former_is_refused(protect: bool) -> None:
    new = {"mailHost": "mx.example.com", "protect": protect}
    (reason,) = reasons(ONE, new)
    assert reason.startswith("mailHost: it was mail.example.com until now")
    assert "pulumi config set --path 'formerMailHosts[0]' mail.example.com --stack prod" in reason
    assert reasons(ONE, new | {"formerMailHosts": ["mail.example.com"]}) == []


def test_the_consent_to_reports_goes_with_the_address_that_gets_them() -> None:
    both = {"domains": [{"name": "example.com"}, {"name": "example.org"}]}
    assert reasons(both, both | {"adminAddress": "admin@example.org"}) == []


def test_settings_that_ask_for_more_or_the_same_are_no_reason_to_stop() -> None:
    assert reasons(ONE, ONE) == []
    assert reasons(ONE, TWO) == []


def test_a_record_that_was_imported_twice_is_told_with_the_command_that_harms_nothing() -> None:
    made = [held(PARENT + "example.com-mx", "example.com", kind="MX"), held(ROOT + "example.com-mx", "example.com")]
    (reason,) = twice(made_records(made), "prod")
    assert f"pulumi state delete '{ROOT}example.com-mx' --force --stack prod" in reason
    assert list(twice(made_records(made[1:]), "prod")) == []
