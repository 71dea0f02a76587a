"""The sandbox's Cloudflare Workers: the official client drives the API, Cloudflare's own runtime runs the scripts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cloudflare
import httpx
import pytest
from cloudflare import Cloudflare

from offline.sandbox.internet.cloudflare.zones import ACCOUNT
from tests.support.workers import HELLO, World, upload, working

ME = str(ACCOUNT["id"])
HOST = "mta-sts.club.example"


@pytest.fixture(scope="module")
def everything() -> Iterator[World]:
    """One world for all tests of this file."""
    with working() as world:
        yield world


@pytest.fixture
def world(everything: World) -> World:
    """The world as it was at the start."""
    everything.http.post("/_sandbox/token", json={"workers": True}).raise_for_status()
    everything.http.post("/_sandbox/reset").raise_for_status()
    return everything


@pytest.fixture
def client(world: World) -> Cloudflare:
    """The official client."""
    return world.client


@pytest.fixture
def zone(client: Cloudflare) -> str:
    """The identifier of the zone club.example."""
    return client.zones.list(name="club.example").result[0].id


def errors(refusal: cloudflare.APIStatusError | httpx.Response) -> tuple[int, list[tuple[int, str]]]:
    """Status, and codes with texts."""
    body = refusal.json() if isinstance(refusal, httpx.Response) else refusal.body
    assert isinstance(body, dict)
    return refusal.status_code, [(error["code"], error["message"]) for error in body["errors"]]


def attach(client: Cloudflare, zone: str, host: str = HOST, service: str = "mail") -> str:
    """Make a custom domain; its identifier."""
    return client.workers.domains.update(account_id=ME, zone_id=zone, hostname=host, service=service).id


def test_a_script_answers_over_tls_by_its_custom_domain_with_a_certificate_of_that_name(
    world: World, client: Cloudflare, zone: str
) -> None:
    made = world.upload(ME, "mail", compatibility_date="2026-10-01").json()["result"]
    assert (made["id"], made["handlers"], made["has_modules"]) == ("mail", ["fetch"], True)
    domain = client.workers.domains.update(
        account_id=ME, zone_id=zone, hostname=HOST, service="mail", extra_body={"environment": "production"}
    )
    assert (domain.hostname, domain.service, domain.environment) == (HOST, "mail", "production")
    assert (domain.zone_id, domain.zone_name) == (zone, "club.example")
    answer = world.get(HOST, "/.well-known/mta-sts.txt?a=%2F")
    assert (answer.status_code, answer.text) == (200, f"hello from https://{HOST}/.well-known/mta-sts.txt?a=%2F")


def test_over_plain_http_the_script_answers_too_and_sees_that_it_is_plain(
    world: World, client: Cloudflare, zone: str
) -> None:
    world.upload(ME, "mail").raise_for_status()
    attach(client, zone)
    url = f"http://127.0.0.1:{world.port}/a"
    answer = httpx.get(url, headers={"Host": HOST, "X-Forwarded-Proto": "https"}, trust_env=False, timeout=60)
    assert answer.text == f"hello from http://{HOST}/a"


def test_a_script_sees_method_body_and_headers_and_its_answer_arrives_unchanged(
    world: World, client: Cloudflare, zone: str
) -> None:
    text = """export default { async fetch(request) {
      const told = [request.method, await request.text(), request.headers.get("CF-Connecting-IP")].join(" ");
      return new Response(told, {status: 418, headers: {"X-Own": "1", "Content-Type": "text/xml"}});
    } }"""
    world.upload(ME, "mail", text).raise_for_status()
    attach(client, zone)
    url = f"http://127.0.0.1:{world.port}/"
    answer = httpx.post(url, content="b", headers={"Host": HOST}, trust_env=False, timeout=60)
    assert (answer.status_code, answer.text) == (418, "POST b 127.0.0.1")
    assert (answer.headers["X-Own"], answer.headers["Content-Type"]) == ("1", "text/xml")


@pytest.mark.parametrize("host", ["www.club.example", "MTA-STS.family.example"])
def test_a_name_that_is_no_custom_domain_gets_no_handshake_and_no_answer(
    world: World, client: Cloudflare, zone: str, host: str
) -> None:
    world.upload(ME, "mail").raise_for_status()
    attach(client, zone)
    with pytest.raises(httpx.ConnectError, match="SSL"):
        world.get(host)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{world.port}/", headers={"Host": host}, trust_env=False, timeout=60)


def test_whoever_names_no_host_gets_no_handshake(world: World) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(httpx.ConnectError, match="SSL"):
        httpx.get(f"https://127.0.0.1:{world.tls_port}/", verify=context, trust_env=False, timeout=60)


def test_while_a_script_is_overwritten_no_request_fails(world: World, client: Cloudflare, zone: str) -> None:
    slow = "export default { async fetch() { await scheduler.wait(300); return new Response('NUMBER') } }"
    world.upload(ME, "mail", slow.replace("NUMBER", "0")).raise_for_status()
    attach(client, zone)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(world.get, HOST) for _ in range(4)]
        for number in ("1", "2"):
            world.upload(ME, "mail", slow.replace("NUMBER", number)).raise_for_status()
            asked += [pool.submit(world.get, HOST) for _ in range(4)]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.text for answer in answers[-4:]] == ["2"] * 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("export default { async fetch(request { return 1 } }", "Uncaught SyntaxError: Unexpected token '{'"),
        ('import "nowhere"; export default {}', 'Uncaught Error: No such module "nowhere".'),
        ("throw new Error('no')", "Uncaught Error: no"),
    ],
)
def test_a_script_that_does_not_start_is_refused_and_the_one_before_goes_on(
    world: World, client: Cloudflare, zone: str, text: str, says: str
) -> None:
    world.upload(ME, "mail").raise_for_status()
    attach(client, zone)
    status, [(code, message)] = errors(world.upload(ME, "mail", text))
    assert (status, code) == (400, 10021)
    assert message.startswith(says)
    assert world.get(HOST).text == f"hello from https://{HOST}/"
    assert errors(world.upload(ME, "other", text))[0] == 400
    assert [script.id for script in client.workers.scripts.list(account_id=ME)] == ["mail"]


def test_a_script_that_never_starts_is_refused_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offline.sandbox.internet.workers.runtime.START_LIMIT", 0.5)
    monkeypatch.setattr("offline.sandbox.internet.workers.runtime.STOP_LIMIT", 0.5)
    refusal = errors(world.upload(ME, "mail", "while (true) {}"))
    assert refusal == (400, [(10021, "Script startup exceeded CPU time limit.")])


def test_a_date_that_is_yet_to_come_is_refused(world: World) -> None:
    status, [(code, message)] = errors(world.upload(ME, "mail", compatibility_date="2999-01-01"))
    assert (status, code) == (400, 10021)
    assert "Can't set compatibility date in the future" in message


def test_modules_import_each_other(world: World, client: Cloudflare, zone: str) -> None:
    modules = {
        "data.js": "export default 'told by another'",
        "worker.js": "import data from './data.js'; export default { fetch() { return new Response(data) } }",
    }
    upload(world.http, ME, "mail", modules, {"main_module": "worker.js"}).raise_for_status()
    attach(client, zone)
    assert world.get(HOST).text == "told by another"


def test_a_script_reaches_nothing(world: World, client: Cloudflare, zone: str) -> None:
    reach = f"export default {{ async fetch() {{ return fetch('{world.url}/_sandbox/health') }} }}"
    world.upload(ME, "mail", reach).raise_for_status()
    attach(client, zone)
    assert world.get(HOST).status_code == 500


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"main_module": "worker.js", "bindings": [{"type": "plain_text", "name": "A", "text": "b"}]}, "bindings"),
        ({"main_module": "worker.js", "usage_model": "bundled"}, "usage_model"),
        ({"body_part": "worker.js"}, "body_part"),
    ],
)
def test_what_the_sandbox_does_not_have_is_refused_by_name(
    world: World, metadata: dict[str, object], names: str
) -> None:
    status, [(_, message)] = errors(upload(world.http, ME, "mail", {"worker.js": HELLO}, metadata))
    assert (status, message) == (400, f"metadata: {names}: not supported by the sandbox")


def test_an_upload_without_metadata_or_main_module_or_a_valid_name_is_refused(world: World) -> None:
    url = f"/client/v4/accounts/{ME}/workers/scripts"
    parts = {"worker.js": ("worker.js", HELLO, "application/javascript+module")}
    assert errors(world.http.put(f"{url}/mail", files=parts)) == (
        400,
        [(10021, "could not read content for part metadata")],
    )
    assert errors(upload(world.http, ME, "mail", {"a.js": HELLO}, {"main_module": "b.js"})) == (
        400,
        [(10021, 'Uncaught Error: No such module "b.js".')],
    )
    assert errors(world.upload(ME, "My-Mail")) == (400, [(10016, "workers.api.error.invalid_script_name")])


def test_what_was_uploaded_is_shown_as_the_terraform_provider_asks_for_it(world: World, client: Cloudflare) -> None:
    made = world.upload(ME, "mail", compatibility_date="2026-10-01").json()["result"]
    content = client.workers.scripts.content.get("mail", account_id=ME)
    assert content.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert HELLO in content.text()
    url = f"/client/v4/accounts/{ME}/workers"
    settings = world.http.get(f"{url}/scripts/mail/settings").json()["result"]
    assert (settings["compatibility_date"], settings["bindings"]) == ("2026-10-01", [])
    service = world.http.get(f"{url}/services/mail").json()["result"]["default_environment"]
    assert {**service["script"], "startup_time_ms": 1} == made
    again = world.upload(ME, "mail", compatibility_date="2026-10-02").json()["result"]
    assert again["created_on"] == made["created_on"]
    assert again["modified_on"] > made["modified_on"]


def test_a_custom_domain_has_a_proxied_record_that_nobody_else_may_change(
    world: World, client: Cloudflare, zone: str
) -> None:
    world.upload(ME, "mail").raise_for_status()
    domain = attach(client, zone)
    [record] = client.dns.records.list(zone_id=zone)
    assert (record.type, record.name, record.content, record.proxied) == ("AAAA", HOST, "100::", True)
    assert world.http.get(f"/client/v4/zones/{zone}/dns_records/{record.id}").json()["result"]["meta"] == {
        "origin_worker_id": domain,
        "read_only": True,
    }
    with pytest.raises(cloudflare.PermissionDeniedError):
        client.dns.records.delete(record.id, zone_id=zone)
    client.workers.domains.delete(domain, account_id=ME)
    assert list(client.dns.records.list(zone_id=zone)) == []
    with pytest.raises(httpx.ConnectError):
        world.get(HOST)


@pytest.mark.parametrize(
    "record",
    [
        {"type": "A", "content": "198.51.100.130"},
        {"type": "AAAA", "content": "2001:db8:100:100::1", "proxied": True},
        {"type": "CNAME", "content": "mail.club.example"},
    ],
)
def test_a_name_that_leads_elsewhere_already_is_refused(
    world: World, client: Cloudflare, zone: str, record: dict[str, object]
) -> None:
    world.upload(ME, "mail").raise_for_status()
    url = f"/client/v4/zones/{zone}/dns_records"
    world.http.post(url, json={"name": HOST, "ttl": 1, **record}).raise_for_status()
    with pytest.raises(cloudflare.ConflictError) as refusal:
        attach(client, zone)
    text = f"Hostname '{HOST}' already has externally managed DNS records (A, CNAME, etc). "
    assert errors(refusal.value) == (409, [(100117, f"{text}Delete them first or try a different hostname.")])
    assert list(client.workers.domains.list(account_id=ME)) == []


def test_a_text_record_at_the_name_is_in_nobodys_way(world: World, client: Cloudflare, zone: str) -> None:
    world.upload(ME, "mail").raise_for_status()
    client.dns.records.create(zone_id=zone, type="TXT", name=HOST, content='"a"', ttl=1)
    attach(client, zone)
    assert world.get(HOST).status_code == 200


def test_a_domain_can_be_led_to_another_script(world: World, client: Cloudflare, zone: str) -> None:
    world.upload(ME, "mail").raise_for_status()
    world.upload(ME, "other", HELLO.replace("hello", "hi")).raise_for_status()
    assert attach(client, zone) == attach(client, zone, service="other")
    assert world.get(HOST).text == f"hi from https://{HOST}/"
    [domain] = client.workers.domains.list(account_id=ME, service="other")
    assert domain.hostname == HOST
    assert list(client.workers.domains.list(account_id=ME, service="mail")) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"service": "nobody"}, (404, (10007, "This Worker does not exist on your account."))),
        ({"zone_id": "0" * 32}, (404, (10083, "workers.api.error.zone_not_found"))),
        (
            {"hostname": "mta-sts.family.example"},
            (400, (100118, "Hostname 'mta-sts.family.example' is not in the zone 'club.example'.")),
        ),
        (
            {"override_existing_dns_record": True},
            (400, (9999, "override_existing_dns_record: not supported by the sandbox")),
        ),
    ],
)
def test_a_domain_that_cannot_be_is_refused(
    world: World, zone: str, body: dict[str, object], expected: tuple[int, tuple[int, str]]
) -> None:
    world.upload(ME, "mail").raise_for_status()
    whole = {"hostname": HOST, "service": "mail", "zone_id": zone, "environment": "production", **body}
    refusal = world.http.put(f"/client/v4/accounts/{ME}/workers/domains", json=whole)
    assert errors(refusal) == (expected[0], [expected[1]])


def test_with_a_script_go_its_domains_and_their_records(world: World, client: Cloudflare, zone: str) -> None:
    world.upload(ME, "mail").raise_for_status()
    domain = attach(client, zone)
    client.workers.scripts.delete("mail", account_id=ME)
    assert list(client.dns.records.list(zone_id=zone)) == []
    with pytest.raises(cloudflare.NotFoundError):
        client.workers.scripts.delete("mail", account_id=ME)
    with pytest.raises(cloudflare.NotFoundError):
        client.workers.domains.get(domain, account_id=ME)


def test_a_reset_leaves_no_worker_behind(world: World, client: Cloudflare, zone: str) -> None:
    world.upload(ME, "mail").raise_for_status()
    attach(client, zone)
    world.http.post("/_sandbox/reset").raise_for_status()
    assert list(client.workers.scripts.list(account_id=ME)) == []
    with pytest.raises(httpx.ConnectError):
        world.get(HOST)


def test_a_token_without_the_right_to_workers_is_refused_there_and_nowhere_else(
    world: World, client: Cloudflare, zone: str
) -> None:
    world.http.post("/_sandbox/token", json={"workers": False}).raise_for_status()
    refused = (403, [(10000, "Authentication error")])
    assert errors(world.upload(ME, "mail")) == refused
    for path in ("scripts", "scripts/mail", "scripts/mail/settings", "services/mail", "domains", "domains/0"):
        assert errors(world.http.get(f"/client/v4/accounts/{ME}/workers/{path}")) == refused
    assert list(client.dns.records.list(zone_id=zone)) == []
    world.http.post("/_sandbox/token", json={"workers": True}).raise_for_status()
    assert world.upload(ME, "mail").status_code == 200


def test_another_account_and_rights_that_are_none_are_refused(world: World) -> None:
    assert errors(world.upload("0" * 32, "mail")) == (403, [(10000, "Authentication error")])
    answer = world.http.post("/_sandbox/token", json={"workers": "no"})
    assert (answer.status_code, answer.json()) == (400, {"error": 'rights are {"workers": true} or {"workers": false}'})
