"""The sandbox's Cloudflare API, driven by the official client unchanged."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import Any

import cloudflare
import dns.rdata
import httpx
import pytest
from cloudflare import Cloudflare
from cloudflare.types.zones import Zone
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from offline.sandbox.internet.cloudflare.access import TOKEN, RateLimit
from offline.sandbox.internet.cloudflare.dnssec import KEY, Dnssec, Signing, shown
from offline.sandbox.internet.cloudflare.records import Record
from offline.sandbox.internet.cloudflare.server import build
from tests.support.serving import running

NO_ID = "0" * 32


class Recorder:
    """An authority that remembers what it was told, and can be told to fail."""

    def __init__(self) -> None:
        self.served: dict[str, list[str]] = {}
        self.signing: dict[str, Signing] = {}
        self.delegated: dict[str, str | None] = {}
        self.broken = False

    async def publish(self, zone: str, records: Collection[Record], signing: Signing) -> None:
        """Remember the records' contents, and how the zone is to be signed."""
        if self.broken:
            raise OSError("the name server does not answer")
        self.served[zone] = [record.content.text for record in records]
        self.signing[zone] = signing

    async def key(self, zone: str) -> DNSKEY:  # noqa: ARG002
        """That of every zone."""
        return KEY

    async def delegate(self, zone: str, ds: str | None) -> None:
        """Remember the DS record."""
        self.delegated[zone] = ds

    async def withdraw(self, zone: str) -> None:
        """Forget the zone."""
        del self.served[zone], self.delegated[zone]


class Server:
    """The API at a URL, and what it told its authority."""

    def __init__(self, url: str, authority: Recorder, http: httpx.Client) -> None:
        self.url = url
        self.authority = authority
        self.http = http


@pytest.fixture(scope="module")
def api() -> Iterator[Server]:
    """One server for all tests of this file."""
    authority = Recorder()
    with running(build(authority)) as url, httpx.Client(base_url=url, timeout=60) as http:
        yield Server(url, authority, http)


@pytest.fixture
def server(api: Server) -> Server:
    """The server as it was at the start."""
    api.authority.broken = False
    api.http.delete("/_sandbox/faults").raise_for_status()
    api.http.post("/_sandbox/rate_limit", json={"quota": 12000, "window": 300}).raise_for_status()
    api.http.post("/_sandbox/reset").raise_for_status()
    return api


def connect(server: Server, token: str = TOKEN, retries: int = 0) -> Cloudflare:
    """The official client, pointed at the server."""
    return Cloudflare(api_token=token, base_url=f"{server.url}/client/v4", max_retries=retries)


@pytest.fixture(scope="module")
def one_client(api: Server) -> Iterator[Cloudflare]:
    """One client for all tests of this file: making one takes longer than most tests."""
    with connect(api) as client:
        yield client


@pytest.fixture
def client(server: Server, one_client: Cloudflare) -> Cloudflare:
    """The official client with the right token, on a server as it was at the start."""
    assert server.url in str(one_client.base_url)
    return one_client


@pytest.fixture
def zone(client: Cloudflare) -> Zone:
    """The zone club.example."""
    return next(iter(client.zones.list(name="club.example")))


def add(client: Cloudflare, zone: Zone, **fields: Any) -> Any:
    """Add a record to the zone."""
    return client.dns.records.create(zone_id=zone.id, **({"ttl": 300} | fields))


def errors(refusal: pytest.ExceptionInfo[cloudflare.APIStatusError]) -> list[Any]:
    """The envelope's errors as (code, message or the chain's codes)."""
    body: Any = refusal.value.body
    return [
        (error["code"], [link["code"] for link in error["error_chain"]] if "error_chain" in error else error["message"])
        for error in body["errors"]
    ]


def test_the_initial_zones_are_there(client: Cloudflare) -> None:
    """Two zones, active, with their name server; the filter by name finds one; an unknown name none."""
    assert [zone.name for zone in client.zones.list()] == ["club.example", "family.example"]
    assert [zone.name for zone in client.zones.list(name="family.example")] == ["family.example"]
    assert list(client.zones.list(name="other.example")) == []
    with pytest.raises(cloudflare.BadRequestError, match=r"Invalid request parameter: direction \(not supported"):
        client.zones.list(direction="desc")
    zone = client.zones.get(zone_id=next(iter(client.zones.list(name="club.example"))).id)
    assert zone is not None
    assert (zone.status, zone.name_servers, zone.account.name) == ("active", ["ns1.sandbox.example"], "Sandbox")


@pytest.mark.parametrize(
    ("token", "path", "status", "expected"),
    [
        ("too-short", "/zones", 400, [(6003, [6111])]),
        ("x" * 40, "/zones", 403, [(9109, "Invalid access token")]),
        ("x" * 40, f"/zones/{NO_ID}/dns_records", 403, [(10000, "Authentication error")]),
        (TOKEN, f"/zones/{NO_ID}", 403, [(9109, "Unauthorized to access requested resource")]),
        (TOKEN, f"/zones/{NO_ID}/dns_records", 403, [(10000, "Authentication error")]),
    ],
)
def test_what_the_token_may_not_do_is_refused(
    server: Server, token: str, path: str, status: int, expected: list[Any]
) -> None:
    """Each way of having no right has the real API's own number."""
    with connect(server, token) as client, pytest.raises(cloudflare.APIStatusError) as refusal:
        client.get(path, cast_to=object)
    assert (refusal.value.status_code, errors(refusal)) == (status, expected)


def test_without_credentials_the_api_says_so(server: Server) -> None:
    """No header at all, and a global key where only a token will do."""
    answer = server.http.get("/client/v4/zones")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 9106)
    answer = server.http.get("/client/v4/zones", headers={"X-Auth-Key": "k", "X-Auth-Email": "a@club.example"})
    assert answer.json()["errors"][0]["error_chain"][0]["code"] == 6103


@pytest.mark.parametrize("path", ["/zones/club.example", "/zones/club.example/dns_records", "/nowhere"])
def test_an_identifier_that_cannot_be_one_has_no_route(client: Cloudflare, path: str) -> None:
    """A zone's name in the place of its identifier is the common mistake."""
    with pytest.raises(cloudflare.NotFoundError) as refusal:
        client.get(path, cast_to=object)
    assert errors(refusal) == [
        (7003, f"Could not route to /client/v4{path}, perhaps your object identifier is invalid?")
    ]


def test_a_record_lives_from_create_to_delete(server: Server, client: Cloudflare, zone: Zone) -> None:
    """Create, read, overwrite, edit and delete, each published before it is answered."""
    record = add(client, zone, type="MX", name="@", content="mail.club.example", priority=10, comment="club's mail")
    assert (record.name, record.content, record.priority) == ("club.example", "mail.club.example", 10)
    assert len(record.id) == 32
    assert server.authority.served["club.example"] == ["mail.club.example"]
    assert client.dns.records.get(record.id, zone_id=zone.id) == record

    fields: Any = {"type": "MX", "name": "club.example", "content": "mx.club.example", "ttl": 600, "priority": 20}
    changed: Any = client.dns.records.update(record.id, zone_id=zone.id, **fields)
    assert (changed.id, changed.content, changed.priority, changed.comment) == (record.id, "mx.club.example", 20, None)
    assert server.authority.served["club.example"] == ["mx.club.example"]

    edit: Any = {"type": "MX", "name": "@", "ttl": 600, "comment": "edited"}
    edited: Any = client.dns.records.edit(record.id, zone_id=zone.id, **edit)
    assert (edited.content, edited.ttl, edited.comment) == ("mx.club.example", 600, "edited")

    deleted = client.dns.records.delete(record.id, zone_id=zone.id)
    assert deleted is not None
    assert deleted.id == record.id
    assert server.authority.served["club.example"] == []
    with pytest.raises(cloudflare.NotFoundError) as refusal:
        client.dns.records.get(record.id, zone_id=zone.id)
    assert errors(refusal) == [(81044, "Record does not exist.")]


def test_data_records_carry_their_parts(client: Cloudflare, zone: Zone) -> None:
    """SRV, CAA and TLSA are sent as data and come back with data and content, SRV with its priority once more."""
    target = {"priority": 0, "weight": 1, "port": 993, "target": "mail.club.example"}
    srv = add(client, zone, type="SRV", name="_imaps._tcp", data=target)
    assert (srv.content, srv.data.port, srv.data.target) == ("1 993 mail.club.example", 993, "mail.club.example")
    assert (srv.priority, srv.data.priority) == (0, 0)
    none = {"priority": 0, "weight": 0, "port": 0, "target": "."}
    assert add(client, zone, type="SRV", name="_pop3._tcp", data=none).content == "0 0 ."
    caa = add(client, zone, type="CAA", name="@", data={"flags": 0, "tag": "issue", "value": "letsencrypt.org"})
    assert (caa.content, caa.data.tag) == ('0 issue "letsencrypt.org"', "issue")
    key = {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "AB" * 32}
    tlsa = add(client, zone, type="TLSA", name="_25._tcp.mail", data=key)
    assert (tlsa.name, tlsa.content) == ("_25._tcp.mail.club.example", f"3 1 1 {'ab' * 32}")
    assert tlsa.data.certificate == "ab" * 32


def test_a_name_may_say_that_it_takes_no_mail(client: Cloudflare, zone: Zone) -> None:
    """The null MX of RFC 7505."""
    record = add(client, zone, type="MX", name="www", content=".", priority=0)
    assert (record.name, record.content, record.priority) == ("www.club.example", ".", 0)


def dnssec_of(client: Cloudflare, zone: Zone) -> Any:
    """DNSSEC of the zone."""
    return client.dns.dnssec.get(zone_id=zone.id)


def tell_registrar(server: Server, ds: str | None) -> None:
    """Let the parent of club.example have its DS record, or none."""
    server.http.post("/_sandbox/registrar", json={"zone": "club.example", "ds": ds}).raise_for_status()


def signing(server: Server) -> Signing:
    """How the name server has been told to sign club.example."""
    return server.authority.signing["club.example"]


def test_dnssec_is_pending_until_the_registrar_is_told_and_deleted_only_when_it_has_forgotten(
    server: Server, client: Cloudflare, zone: Zone
) -> None:
    """All states of https://developers.cloudflare.com/dns/dnssec/dnssec-states/."""
    found = dnssec_of(client, zone)
    assert (found.status, found.ds, found.flags, found.modified_on) == ("disabled", None, None, None)
    on: Any = client.dns.dnssec.edit(zone_id=zone.id, status="active")
    assert (on.status, on.flags, on.algorithm, on.key_type) == ("pending", 257, "13", "ECDSAP256SHA256")
    assert (on.digest_type, on.digest_algorithm, len(on.digest), on.modified_on is None) == ("2", "SHA256", 64, False)
    assert on.ds == f"club.example. 3600 IN DS {int(on.key_tag)} 13 2 {on.digest}"
    assert signing(server) == Signing.ON
    ds = f"{int(on.key_tag)} 13 2 {on.digest}"
    tell_registrar(server, f"{int(on.key_tag)} 13 2 {'0' * 64}")
    assert dnssec_of(client, zone).status == "pending"
    tell_registrar(server, ds)
    assert server.authority.delegated["club.example"] == ds.lower()
    assert dnssec_of(client, zone).status == "active"
    with pytest.raises(cloudflare.BadRequestError):
        client.dns.dnssec.delete(zone_id=zone.id)
    off: Any = client.dns.dnssec.edit(zone_id=zone.id, status="disabled")
    assert (off.status, off.ds) == ("pending-disabled", on.ds)
    assert signing(server) == Signing.OFF
    with pytest.raises(cloudflare.BadRequestError):
        client.dns.dnssec.delete(zone_id=zone.id)
    tell_registrar(server, None)
    assert dnssec_of(client, zone).status == "disabled"
    client.dns.dnssec.delete(zone_id=zone.id)
    assert dnssec_of(client, zone) == found
    assert signing(server) == Signing.DELETED


def test_a_signed_zone_stays_signed_when_its_records_change(server: Server, client: Cloudflare, zone: Zone) -> None:
    client.dns.dnssec.edit(zone_id=zone.id, status="active")
    add(client, zone, type="A", name="www", content="198.51.100.7")
    assert signing(server) == Signing.ON
    server.http.post("/_sandbox/reset").raise_for_status()
    assert signing(server) == Signing.DELETED


def test_what_dnssec_cannot_be_asked_is_refused(server: Server, client: Cloudflare, zone: Zone) -> None:
    for body in ({"status": "on"}, {"status": "active", "dnssec_use_nsec3": True}):
        with pytest.raises(cloudflare.BadRequestError):
            client.patch(f"/zones/{zone.id}/dnssec", cast_to=object, body=body)
    assert dnssec_of(client, zone).status == "disabled"
    for zone_name, ds in (("no.example", None), ("club.example", "1 13 2"), ("club.example", "1 13 2 AB")):
        answer = server.http.post("/_sandbox/registrar", json={"zone": zone_name, "ds": ds})
        assert answer.status_code == 400


def test_the_ds_record_of_a_key_is_that_of_the_standards_example() -> None:
    """RFC 6605, section 6.1."""
    public = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
    key = dns.rdata.from_text("IN", "DNSKEY", f"257 3 13 {public}")
    assert isinstance(key, DNSKEY)
    found = shown("example.net", Dnssec(Signing.ON), key)
    digest = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17".upper()
    assert found["ds"] == f"example.net. 3600 IN DS 55648 13 2 {digest}"
    assert (found["key_tag"], found["public_key"]) == (55648, public)


def test_a_long_txt_string_comes_back_in_chunks(client: Cloudflare, zone: Zone) -> None:
    """The drift everyone meets with DKIM keys: only the chunked form comes back as it was sent."""
    chunked = f'"{"k" * 255}" "{"k" * 45}"'
    long = add(client, zone, type="TXT", name="s1._domainkey", content=f'"{"k" * 300}"')
    assert long.content == chunked
    client.dns.records.delete(long.id, zone_id=zone.id)
    assert add(client, zone, type="TXT", name="s1._domainkey", content=chunked).content == chunked


def test_unquoted_txt_is_kept_and_warned_about(server: Server, client: Cloudflare, zone: Zone) -> None:
    """The API takes it without a word; the dashboard shows a warning."""
    assert add(client, zone, type="TXT", name="@", content="v=spf1 mx -all").content == "v=spf1 mx -all"
    add(client, zone, type="TXT", name="_dmarc", content='"v=DMARC1; p=reject"')
    warnings = server.http.get("/_sandbox/warnings").json()
    assert [warning["name"] for warning in warnings] == ["club.example"]


def test_a_refused_record_changes_nothing(server: Server, client: Cloudflare, zone: Zone) -> None:
    """All faults at once with a 400, those of the time to live in a chain; the zone stays as it was."""
    with pytest.raises(cloudflare.BadRequestError) as refusal:
        add(client, zone, type="MX", name="@", content="198.51.100.7", ttl=30)
    assert [code for code, _ in errors(refusal)] == [9100, 9009, 1004]
    assert errors(refusal)[2] == (1004, [9021])
    assert server.authority.served["club.example"] == []


def test_records_that_cannot_stand_together_are_refused(client: Cloudflare, zone: Zone) -> None:
    """On create, and on an overwrite that would move one record onto another."""
    www = add(client, zone, type="A", name="www", content="198.51.100.7")
    mail = add(client, zone, type="A", name="mail", content="198.51.100.7")
    with pytest.raises(cloudflare.BadRequestError) as refusal:
        add(client, zone, type="A", name="www", content="198.51.100.7")
    assert errors(refusal) == [(81058, "An identical record already exists.")]
    with pytest.raises(cloudflare.BadRequestError) as refusal:
        client.dns.records.update(www.id, zone_id=zone.id, type="A", name="mail", content="198.51.100.7", ttl=300)
    assert errors(refusal)[0][0] == 81058
    with pytest.raises(cloudflare.BadRequestError) as refusal:
        add(client, zone, type="CNAME", name="mail", content="www.club.example")
    assert errors(refusal)[0][0] == 81053
    assert client.dns.records.get(mail.id, zone_id=zone.id) == mail


def test_an_unpublished_change_did_not_happen(server: Server, client: Cloudflare, zone: Zone) -> None:
    """When the name server cannot be told, the API answers 500 and has not stored the record."""
    server.authority.broken = True
    with pytest.raises(cloudflare.InternalServerError):
        add(client, zone, type="A", name="www", content="198.51.100.7")
    assert list(client.dns.records.list(zone_id=zone.id)) == []


def test_a_list_is_sorted_by_type_and_name_and_filters_are_refused(client: Cloudflare, zone: Zone) -> None:
    for kind, name, content in (
        ("TXT", "_dmarc", '"v=DMARC1; p=reject"'),
        ("A", "www", "198.51.100.7"),
        ("A", "mail", "198.51.100.7"),
    ):
        add(client, zone, type=kind, name=name, content=content)
    found = [(record.type, record.name) for record in client.dns.records.list(zone_id=zone.id)]
    assert found == [("A", "mail.club.example"), ("A", "www.club.example"), ("TXT", "_dmarc.club.example")]
    with pytest.raises(cloudflare.BadRequestError, match=r"Invalid request parameter: search, type "):
        client.dns.records.list(zone_id=zone.id, search="dmarc", type="TXT")


def test_a_long_list_comes_in_pages(server: Server, client: Cloudflare, zone: Zone) -> None:
    """The client walks the pages by itself; result_info counts them."""
    for number in range(7):
        add(client, zone, type="A", name=f"host{number}", content="198.51.100.7")
    names = [record.name for record in client.dns.records.list(zone_id=zone.id, per_page=3)]
    assert names == [f"host{number}.club.example" for number in range(7)]
    answer = server.http.get(
        f"/client/v4/zones/{zone.id}/dns_records?per_page=3&page=3",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    info = {"page": 3, "per_page": 3, "count": 1, "total_count": 7, "total_pages": 3}
    assert answer.json()["result_info"] == info


def test_zones_can_be_added_and_a_reset_takes_them_away(server: Server, client: Cloudflare, zone: Zone) -> None:
    """Tests add as many zones as they need; a reset leaves the initial ones, empty, under the same identifiers."""
    for number in range(50):
        answer = server.http.post("/_sandbox/zones", json={"name": f"d{number}.example"})
        assert answer.status_code == 201
    assert len(list(client.zones.list())) == 52
    assert server.http.post("/_sandbox/zones", json={"name": "club.test"}).status_code == 400
    add(client, zone, type="A", name="www", content="198.51.100.7")
    server.http.post("/_sandbox/reset").raise_for_status()
    assert [left.id for left in client.zones.list(name="club.example")] == [zone.id]
    assert server.authority.served == {"club.example": [], "family.example": []}


def test_a_fault_is_played_as_often_as_asked(server: Server, client: Cloudflare, zone: Zone) -> None:
    """The request that met a fault did nothing; a client that retries gets through."""
    rule = {"method": "POST", "path": "/dns_records$", "status": 429, "times": 2}
    server.http.post("/_sandbox/faults", json=rule).raise_for_status()
    with pytest.raises(cloudflare.RateLimitError) as refusal:
        add(client, zone, type="A", name="www", content="198.51.100.7")
    assert refusal.value.response.headers["retry-after"] == "1"
    assert server.authority.served["club.example"] == []
    assert [fault["used"] for fault in server.http.get("/_sandbox/faults").json()] == [1]
    with connect(server, retries=2) as patient:
        add(patient, zone, type="A", name="www", content="198.51.100.7")
    assert server.authority.served["club.example"] == ["198.51.100.7"]


def test_a_fault_can_only_delay(server: Server, client: Cloudflare) -> None:
    """Without a status the request is answered as usual, later; other methods are not met; rules can be cleared."""
    server.http.post("/_sandbox/faults", json={"path": "/zones", "delay": 0.3}).raise_for_status()
    started = time.monotonic()
    assert len(list(client.zones.list())) == 2
    assert time.monotonic() - started >= 0.3
    server.http.post("/_sandbox/faults", json={"path": "/zones", "method": "PUT", "status": 500})
    assert len(list(client.zones.list())) == 2
    assert [fault["used"] for fault in server.http.get("/_sandbox/faults").json()] == [1, 0]
    assert server.http.post("/_sandbox/faults", json={"path": "/zones"}).status_code == 400
    server.http.delete("/_sandbox/faults").raise_for_status()
    assert server.http.get("/_sandbox/faults").json() == []


def test_the_rate_limit_is_told_and_kept(server: Server, client: Cloudflare) -> None:
    """Each answer says how many requests are left; the one too many is told when to come again."""
    server.http.post("/_sandbox/rate_limit", json={"quota": 2, "window": 60}).raise_for_status()
    first = client.zones.with_raw_response.list()
    assert first.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert first.headers["ratelimit"] == '"default";r=1;t=60'
    client.zones.list()
    with pytest.raises(cloudflare.RateLimitError) as refusal:
        client.zones.list()
    assert 59 <= int(refusal.value.response.headers["retry-after"]) <= 60  # who exceeds it waits the whole time
    assert refusal.value.response.headers["ratelimit"].startswith('"default";r=0;t=')
    assert errors(refusal)[0][0] == 971


def test_the_rate_limit_is_the_real_one() -> None:
    assert (RateLimit().quota, RateLimit().window) == (1200, 300)


def test_what_email_routing_made_is_locked_and_the_zone_takes_no_other_mx(
    server: Server, client: Cloudflare, zone: Zone
) -> None:
    """Its records say so, cannot be changed or deleted, and go when it is switched off."""
    routing: dict[str, Any] = {"zone": "club.example"}
    server.http.post("/_sandbox/email_routing", json=routing).raise_for_status()
    made = list(client.dns.records.list(zone_id=zone.id))
    assert sorted(record.type for record in made) == ["MX", "MX", "MX", "TXT", "TXT"]
    assert all(record.to_dict()["meta"] == {"email_routing": True, "read_only": True} for record in made)
    (mx, *_) = [record for record in made if record.type == "MX"]
    with pytest.raises(cloudflare.PermissionDeniedError) as refusal:
        client.dns.records.delete(mx.id, zone_id=zone.id)
    assert errors(refusal)[0][0] == 1046
    change: Any = {"type": "MX", "name": "@", "content": "mail.club.example", "priority": 10, "ttl": 300}
    with pytest.raises(cloudflare.PermissionDeniedError) as refusal:
        client.dns.records.update(mx.id, zone_id=zone.id, **change)
    assert errors(refusal)[0][0] == 1046
    with pytest.raises(cloudflare.PermissionDeniedError) as refusal:
        add(client, zone, type="MX", name="@", content="mail.club.example", priority=10)
    assert errors(refusal)[0][0] == 890190
    add(client, zone, type="MX", name="lists", content="mail.club.example", priority=10)
    assert len(list(client.dns.records.list(zone_id=zone.id))) == 6
    server.http.post("/_sandbox/email_routing", json=routing | {"enabled": False}).raise_for_status()
    assert [record.name for record in client.dns.records.list(zone_id=zone.id)] == ["lists.club.example"]
    add(client, zone, type="MX", name="@", content="mail.club.example", priority=10)
    assert server.http.post("/_sandbox/email_routing", json=routing).status_code == 400
    assert server.http.post("/_sandbox/email_routing", json={"zone": "no.example"}).status_code == 400
