"""The sandbox is what it says: a resolver that remembers, servers that install, grow and come back."""

import http.client
import json
import socket
import ssl

import dns.resolver
import pytest
from hcloud.locations import Location

from offline.sandbox import world
from offline.sandbox.host.deliveries import AUTHORITIES
from tests.support import clouds

ZONE = "remembered.example"
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
    resolver.nameservers = [clouds.RESOLVER]
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


def test_who_trusts_what_up_has_written_reaches_the_acme_servers_under_their_own_names(sandbox: None) -> None:
    trusting = ssl.create_default_context(cafile=str(AUTHORITIES))
    for name in (world.ACME_HOST, world.BRIEF_HOST):
        for address in world.AUTHORITY:
            connection = http.client.HTTPSConnection(name, timeout=10)
            plain = socket.create_connection((address, 443), timeout=10)
            connection.sock = trusting.wrap_socket(plain, server_hostname=name)
            connection.request("GET", "/dir")
            assert json.load(connection.getresponse())["newOrder"] == f"https://{name}/order-plz"
            connection.close()
