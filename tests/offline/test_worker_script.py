"""The Worker's script on Cloudflare's own runtime: what senders and mail programs are told, asked as each asks."""

import plistlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from model.autoconfig import autoconfig
from model.autodiscover import autodiscover
from model.client_account import account
from model.client_settings import client_settings
from model.mobileconfig import mobileconfig
from model.mta_sts import policy
from model.ports import TABLE
from model.worker import script
from offline.sandbox.internet.cloudflare.zones import ACCOUNT
from tests.support.examples import settings
from tests.support.workers import World, working

CLUB, FAMILY = "club.example", "family.example"
HOST = "mail.club.example"
WAYS = client_settings(HOST, TABLE)
ASKED = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
<EMailAddress>{}</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
</Request></Autodiscover>"""


@pytest.fixture(scope="module")
def edge() -> Iterator[World]:
    """Two domains' hosts, one of whom is in another mode than the stack."""
    config: dict[str, Any] = {
        "mailHost": HOST,
        "adminAddress": f"admin@{CLUB}",
        "domains": [{"name": CLUB}, {"name": FAMILY, "mtaSts": "none"}],
        "mtaSts": "testing",
        "clientSetup": True,
    }
    with working() as world:
        identifier = str(ACCOUNT["id"])
        world.upload(identifier, "mail", script(settings(**config)), compatibility_date="2026-11-01").raise_for_status()
        for domain in (CLUB, FAMILY):
            zone = world.client.zones.list(name=domain).result[0].id
            for label in ("mta-sts", "autoconfig", "autodiscover"):
                world.client.workers.domains.update(
                    account_id=identifier, zone_id=zone, hostname=f"{label}.{domain}", service="mail"
                )
        yield world


def asked(edge: World, host: str, path: str, method: str = "GET", body: str = "") -> httpx.Response:
    """What the edge answers in clear, which needs no resolver."""
    url = f"http://127.0.0.1:{edge.port}{path}"
    return httpx.request(method, url, content=body, headers={"Host": host}, trust_env=False, timeout=60)


def test_each_domain_s_policy_is_served_as_text(edge: World) -> None:
    for domain, mode in ((CLUB, "testing"), (FAMILY, "none")):
        answer = edge.get(f"mta-sts.{domain}", "/.well-known/mta-sts.txt")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert answer.text == policy(mode, [HOST])  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/mail/config-v1.1.xml?emailaddress=ann%40family.example",
                                  "/.well-known/autoconfig/mail/config-v1.1.xml"])  # fmt: skip
def test_thunderbird_finds_the_ways_of_its_domain(edge: World, path: str) -> None:
    answer = edge.get(f"autoconfig.{FAMILY}", path)
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.text == autoconfig(account(f"x@{FAMILY}", WAYS))


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
def test_outlook_finds_the_ways_of_the_mailbox_that_it_names(edge: World, path: str) -> None:
    answer = asked(edge, f"autodiscover.{CLUB}", path, "POST", ASKED.format(" Ann@Club.example "))
    assert (answer.status_code, answer.text) == (200, autodiscover(account(f"ann@{CLUB}", WAYS)))


def test_newer_outlook_is_led_there(edge: World) -> None:
    path = f"/autodiscover/autodiscover.json/v1.0/ann@{CLUB}?Protocol=AutodiscoverV1&RedirectCount=1"
    assert edge.get(f"autodiscover.{CLUB}", path).json() == {
        "Protocol": "AutodiscoverV1", "Url": f"https://autodiscover.{CLUB}/autodiscover/autodiscover.xml",
    }  # fmt: skip
    other = edge.get(f"autodiscover.{CLUB}", f"/autodiscover/autodiscover.json?Email=a@{CLUB}&Protocol=EWS")
    assert (other.status_code, other.json()["ErrorCode"]) == (400, "InvalidProtocol")


@pytest.mark.parametrize("address", [f"ann.o+x@{CLUB}", f"$$a$`b@{CLUB}"])
def test_apple_gets_the_same_profile_as_the_command_writes(edge: World, address: str) -> None:
    answer = edge.get(f"autoconfig.{CLUB}", str(httpx.URL("/apple.mobileconfig", params={"address": address})))
    assert answer.headers["Content-Type"] == "application/x-apple-aspen-config"
    expected = mobileconfig(account(address, WAYS))
    assert plistlib.loads(answer.content) == plistlib.loads(expected)


@pytest.mark.parametrize(
    "address", ["", f"ann@{FAMILY}", "ann", f"a<b@{CLUB}", f'a"b@{CLUB}', f"a&amp;b@{CLUB}", f"{'a' * 65}@{CLUB}"]
)
def test_what_is_no_address_of_the_domain_is_refused(edge: World, address: str) -> None:
    answer = edge.get(f"autoconfig.{CLUB}", str(httpx.URL("/apple.mobileconfig", params={"address": address})))
    assert (answer.status_code, answer.text) == (400, f"Expected an address in {CLUB}.\n")
    answer = asked(edge, f"autodiscover.{CLUB}", "/autodiscover/autodiscover.xml", "POST", ASKED.format(address))
    assert answer.status_code == 400


def test_a_person_finds_a_page_that_loads_nothing_from_elsewhere(edge: World) -> None:
    answer = edge.get(f"autoconfig.{FAMILY}", "/")
    assert f"<title>Mail at {FAMILY}</title>" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "http" not in answer.text


@pytest.mark.parametrize(
    ("host", "path", "method", "status"),
    [
        (f"mta-sts.{CLUB}", "/", "GET", 404),
        (f"mta-sts.{CLUB}", "/mail/config-v1.1.xml", "GET", 404),
        (f"autoconfig.{CLUB}", "/.well-known/mta-sts.txt", "GET", 404),
        (f"autoconfig.{CLUB}", "/constructor", "GET", 404),
        (f"mta-sts.{CLUB}", "/.well-known/mta-sts.txt", "POST", 405),
        (f"mta-sts.{CLUB}", "/.well-known/mta-sts.txt", "HEAD", 200),
    ],
)
def test_nothing_else_is_there(edge: World, host: str, path: str, method: str, status: int) -> None:
    assert asked(edge, host, path, method).status_code == status


def test_a_further_domain_in_the_stack_s_own_mode_changes_nothing_in_the_script() -> None:
    one, two = (
        script(settings(domains=domains, mtaSts="testing", clientSetup=True))
        for domains in ([{"name": "example.com"}], [{"name": "example.com"}, {"name": "example.org"}])
    )
    assert one == two
