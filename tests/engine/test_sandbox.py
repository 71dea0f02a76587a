"""The sandbox is what it says: a resolver that remembers, servers that install, grow and come back."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator

import cloudflare
import dns.resolver
import pytest
from hcloud.locations import Location

from offline.sandbox import world
from offline.sandbox.host.deliveries import AUTHORITIES
from tests.support import clouds

ZONE = "remembered.example"
SIGNED = "signed.example"
NAME = "grows"
FALKENSTEIN = Location(name="fsn1")
USER_DATA = "#cloud-config\nssh_pwauth: false\n"


@pytest.fixture(scope="module")
def zone(sandbox: None) -> str:
    """A zone of these tests."""
    clouds.add_zone(ZONE)
    return ZONE


def cached(name: str, kind: str) -> set[str]:
    """What the sandbox's resolver says."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.lifetime = [clouds.RESOLVER], 60
    try:
        return {item.to_text() for item in resolver.resolve(name, kind)}
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return set()


def test_a_resolver_keeps_answers_and_that_there_was_none_until_it_is_told_to_forget(zone: str) -> None:
    name = f"www.{zone}"
    assert cached(name, "A") == set()
    clouds.add_record(zone, name, "A", "198.51.100.7")
    assert clouds.ask(name, "A") == {"198.51.100.7"}
    assert cached(name, "A") == set()
    clouds.forget_answers()
    assert cached(name, "A") == {"198.51.100.7"}
    clouds.remove_records(zone)
    clouds.add_record(zone, name, "A", "198.51.100.8")
    assert cached(name, "A") == {"198.51.100.8"}


def test_the_zones_own_name_may_lead_elsewhere_and_take_mail(zone: str) -> None:
    clouds.remove_records(zone)
    clouds.add_record(zone, zone, "CNAME", "mx.other.example")
    clouds.add_record(zone, zone, "MX", f"mail.{zone}")
    assert clouds.ask(zone, "A") == {"198.51.100.80"}
    assert clouds.ask(zone, "AAAA") == {"2001:db8:100::80"}
    assert clouds.ask(zone, "MX") == {f"5 mail.{zone}."}


def status(zone: str) -> str:
    """What Cloudflare says of the zone's DNSSEC."""
    with clouds.cloudflare_dns() as client:
        found = client.dns.dnssec.get(zone_id=clouds.zone_id(zone))
        assert found is not None
        return str(found.status)


@pytest.fixture
def signed(sandbox: None) -> Iterator[str]:
    """A zone with a host, and with DNSSEC that may be switched on; its parent has no DS record of it afterwards."""
    clouds.add_zone(SIGNED)
    clouds.add_record(SIGNED, f"mail.{SIGNED}", "A", "198.51.100.7")
    yield SIGNED
    clouds.tell_registrar(SIGNED, None)


def test_a_signed_zone_is_vouched_for_once_its_parent_has_the_ds_record(signed: str) -> None:
    """A chain of trust from the parent's key (RFC 4035), for what is there and for what is not."""
    name = f"mail.{signed}"
    assert (status(signed), clouds.validated(name, "A")) == ("disabled", ("NOERROR", False))
    ds = clouds.sign(signed)
    clouds.forget_answers()
    assert (status(signed), clouds.validated(name, "A")) == ("pending", ("NOERROR", False))
    clouds.tell_registrar(signed, ds)
    assert (status(signed), clouds.validated(name, "A")) == ("active", ("NOERROR", True))
    assert clouds.validated(f"no.{name}", "A") == ("NXDOMAIN", True)
    clouds.add_record(signed, f"www.{signed}", "A", "198.51.100.8")
    assert clouds.validated(f"www.{signed}", "A") == ("NOERROR", True)


def test_a_zone_whose_parent_vouches_for_another_key_is_not_answered(signed: str) -> None:
    """The same when the zone is not signed at all: a DS record demands signatures (RFC 4035, section 5.2)."""
    name = f"mail.{signed}"
    clouds.tell_registrar(signed, f"4711 13 2 {'AB' * 32}")
    assert clouds.validated(name, "A") == ("SERVFAIL", False)
    clouds.sign(signed)
    clouds.forget_answers()
    assert (status(signed), clouds.validated(name, "A")) == ("pending", ("SERVFAIL", False))
    clouds.tell_registrar(signed, None)
    assert clouds.validated(name, "A") == ("NOERROR", False)


def test_dnssec_that_is_switched_off_is_deleted_only_when_the_ds_record_is_gone(signed: str) -> None:
    """Cloudflare signs on meanwhile, and asks the parent by a CDS record to forget the key (RFC 8078, section 4)."""
    name, identifier = f"mail.{signed}", clouds.zone_id(signed)
    ds = clouds.sign(signed)
    clouds.tell_registrar(signed, ds)
    assert clouds.ask(signed, "CDS") == {ds.lower()}
    with clouds.cloudflare_dns() as client:
        client.dns.dnssec.edit(zone_id=identifier, status="disabled")
        assert clouds.ask(signed, "CDS") == {"0 0 0 00"}
        clouds.forget_answers()
        assert (status(signed), clouds.validated(name, "A")) == ("pending-disabled", ("NOERROR", True))
        with pytest.raises(cloudflare.BadRequestError):
            client.dns.dnssec.delete(zone_id=identifier)
        clouds.tell_registrar(signed, None)
        assert (status(signed), len(clouds.ask(signed, "DNSKEY"))) == ("disabled", 2)
        client.dns.dnssec.delete(zone_id=identifier)
    assert (status(signed), clouds.ask(signed, "DNSKEY")) == ("disabled", set())
    assert clouds.sign(signed) == ds


def test_zones_that_are_not_signed_are_answered_without_being_vouched_for(sandbox: None) -> None:
    for name, kind in (
        (world.OTHER_DOMAIN, "MX"),
        (f"u1.{world.BOX_DOMAIN}", "A"),
        ("2.0.0.127.zen.spamhaus.org", "A"),
    ):
        assert clouds.validated(name, kind) == ("NOERROR", False)
    assert clouds.validated(world.ACME_HOST, "A") == ("NOERROR", True)
    assert clouds.validated("nobody.example", "A") == ("NXDOMAIN", True)


def test_who_trusts_what_up_has_written_reaches_the_acme_servers_under_their_own_names(sandbox: None) -> None:
    trusting = ssl.create_default_context(cafile=str(AUTHORITIES))
    for name in (world.ACME_HOST, world.BRIEF_HOST):
        for address in world.AUTHORITY:
            connection = http.client.HTTPSConnection(name, timeout=60)
            plain = socket.create_connection((address, 443), timeout=60)
            connection.sock = trusting.wrap_socket(plain, server_hostname=name)
            connection.request("GET", "/dir")
            assert json.load(connection.getresponse())["newOrder"] == f"https://{name}/order-plz"
            connection.close()
