"""What stands before the sandbox's ACME servers: it passes everything on, fails on request, and says whom to trust."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from offline.sandbox.host.parts import SOURCE
from offline.sandbox.internet.acme import tls
from offline.sandbox.internet.acme.problems import fault
from offline.sandbox.internet.acme.server import Authority
from offline.sandbox.world import ACME_HOST, BRIEF_HOST, RELAY_HOST
from tests.support.serving import running

ISSUED = {"Replay-Nonce": "n1", "Location": "https://acme.example/order/1", "Retry-After": "1", "Link": "<up>"}


@dataclass
class Server:
    """An ACME server that tells what it was asked."""

    name: str
    url: str = ""
    lifetime: int = 0
    broken: bool = False
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def root(self) -> str:
        """Its root."""
        if self.broken:
            raise OSError(f"{self.name} is away")
        return f"root of {self.name}\n"

    async def set_lifetime(self, seconds: int) -> None:
        """Remember it."""
        self.lifetime = seconds

    async def answer(self, request: web.Request) -> web.Response:
        """The directory, or a new order."""
        if request.path == "/dir":
            return web.json_response({"newOrder": "order-plz", "meta": {"termsOfService": "none"}})
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.method, request.raw_path, headers, await request.read()))
        made = web.Response(status=201, body=b'{"status": "pending"}', content_type="application/json", headers=ISSUED)
        made.headers.add("Link", "<index>")
        return made


@dataclass
class World:
    """The authority's two sides, and what is behind it."""

    acme: httpx.Client
    control: httpx.Client
    servers: dict[str, Server]


@pytest.fixture
def world() -> Iterator[World]:
    """An authority with an ACME server that answers, and one that is not there."""
    servers = {name: Server(name) for name in (ACME_HOST, BRIEF_HOST)}
    behind = web.Application()
    behind.add_routes([web.route("*", "/{path:.*}", servers[ACME_HOST].answer)])
    authority = Authority(servers, "the sandbox's own\n", {RELAY_HOST: "key and certificate\n"})
    with running(behind) as url, running(authority.acme()) as acme, running(authority.control()) as control:
        servers[ACME_HOST].url, servers[BRIEF_HOST].url = url, "https://127.0.0.1:1"
        with httpx.Client(base_url=acme, timeout=60) as front, httpx.Client(base_url=control, timeout=60) as side:
            yield World(front, side, servers)


def order(world: World, host: str = ACME_HOST) -> httpx.Response:
    """A request as an ACME client sends it."""
    headers = {"Host": host, "Content-Type": "application/jose+json", "User-Agent": "client/1"}
    return world.acme.post("/order-plz/%2Fa?b=%2F", content=b'{"payload": ""}', headers=headers)


def test_a_request_reaches_the_server_it_names_unchanged(world: World) -> None:
    order(world)
    ((method, path, headers, body),) = world.servers[ACME_HOST].seen
    assert (method, path, body) == ("POST", "/order-plz/%2Fa?b=%2F", b'{"payload": ""}')
    assert (headers["host"], headers["x-forwarded-proto"]) == (ACME_HOST, "https")
    assert (headers["content-type"], headers["user-agent"]) == ("application/jose+json", "client/1")


def test_the_answer_reaches_the_client_unchanged(world: World) -> None:
    answer = order(world)
    assert (answer.status_code, answer.content) == (201, b'{"status": "pending"}')
    assert answer.headers["content-type"].startswith("application/json")
    assert {name: answer.headers[name] for name in ISSUED} == ISSUED | {"Link": "<up>, <index>"}


def test_the_directory_says_what_the_authority_is_called_in_caa_records(world: World) -> None:
    assert world.acme.get("/dir", headers={"Host": ACME_HOST}).json() == {
        "newOrder": "order-plz",
        "meta": {"termsOfService": "none", "caaIdentities": ["letsencrypt.org"]},
    }


def test_a_name_that_no_server_has_is_refused(world: World) -> None:
    answer = order(world, "other.example")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:ietf:params:acme:error:malformed")
    assert answer.json()["detail"] == "No ACME server has the name other.example"


def test_a_server_that_is_away_for_a_moment_has_an_internal_error(world: World) -> None:
    answer = order(world, BRIEF_HOST)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:ietf:params:acme:error:serverInternal")


def test_a_fault_on_request_meets_the_next_request_alone(world: World) -> None:
    world.control.post("/_sandbox/faults", json={"path": "^/order-plz", "status": 429}).raise_for_status()
    assert [order(world).status_code for _ in range(2)] == [429, 201]
    assert [rule["used"] for rule in world.control.get("/_sandbox/faults").json()] == [1]


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rateLimited"), (500, "serverInternal"), (503, "serverInternal"), (400, "malformed")]
)
def test_a_fault_is_a_problem_document_of_acme(world: World, status: int, kind: str) -> None:
    world.control.post("/_sandbox/faults", json={"path": "", "status": status}).raise_for_status()
    answer = order(world)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (
        status,
        "application/problem+json",
    )
    assert (answer.json()["type"], answer.json()["status"]) == (f"urn:ietf:params:acme:error:{kind}", status)


def test_the_rate_limit_speaks_as_lets_encrypt_does_and_says_when_to_come_back() -> None:
    answer = fault(429)
    assert answer.text is not None
    assert "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s" in (
        answer.text
    )
    assert ", retry after 20" in answer.text
    assert answer.headers["Retry-After"] == "120960"


def test_a_lifetime_is_set_for_the_second_server_alone(world: World) -> None:
    assert world.control.post("/_sandbox/lifetime", json={"seconds": 45}).status_code == 204
    assert {name: server.lifetime for name, server in world.servers.items()} == {ACME_HOST: 0, BRIEF_HOST: 45}


@pytest.mark.parametrize(
    "body",
    ['{"seconds": 0}', '{"seconds": 7776001}', '{"seconds": "45"}', '{"seconds": true}', '{"second": 45}', "[45]", ""],
)
def test_a_lifetime_that_is_none_is_refused_with_what_it_should_be(world: World, body: str) -> None:
    answer = world.control.post("/_sandbox/lifetime", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    expected = 'a lifetime is {"seconds": N}, N a whole number from 1 to 7776000'
    assert answer.json()["error"] == expected
    assert world.servers[BRIEF_HOST].lifetime == 0


def test_whom_to_trust_is_the_sandboxs_own_authority_and_the_roots_of_both_servers(world: World) -> None:
    answer = world.control.get("/_sandbox/authorities")
    assert answer.text == f"the sandbox's own\nroot of {ACME_HOST}\nroot of {BRIEF_HOST}\n"


def test_while_a_server_is_away_nobody_is_told_whom_to_trust(world: World) -> None:
    world.servers[BRIEF_HOST].broken = True
    answer = world.control.get("/_sandbox/authorities")
    assert (answer.status_code, answer.json()) == (503, {"error": "brief.example is away"})


def test_whoever_trusts_the_sandboxs_authority_finds_both_names_in_order(tmp_path: Path) -> None:
    made = tls.make(SOURCE / "internet" / "etc" / "authority.cnf", tmp_path)
    trusting = ssl.create_default_context(cafile=str(made.authority))
    trusting.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    for name in (ACME_HOST, BRIEF_HOST):
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = made.context().wrap_bio(to_server, to_client, server_side=True)
        client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
        for side in (client, server, client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        assert client.version() == server.version() == "TLSv1.3"


def test_another_part_of_the_sandbox_is_handed_its_certificate_and_nobody_else_is(world: World) -> None:
    assert world.control.get(f"/_sandbox/certificates/{RELAY_HOST}").text == "key and certificate\n"
    assert world.control.get("/_sandbox/certificates/other.example").status_code == 404
