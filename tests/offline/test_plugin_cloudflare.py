"""The stand-in for Pulumi's cloudflare plugin, against the sandbox's Cloudflare API."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pulumi.runtime import rpc

from offline.sandbox.internet.cloudflare.access import TOKEN
from offline.sandbox.internet.cloudflare.server import build
from offline.sandbox.internet.cloudflare.zones import ACCOUNT
from offline.toolchain.plugins.cloudflare.convert import snake_case
from offline.toolchain.plugins.cloudflare.provider import CloudflareProvider
from offline.toolchain.plugins.cloudflare.zone_dnssec import ZONE_DNSSEC
from offline.toolchain.plugins.common.inputs import inputs_of_state
from offline.toolchain.plugins.common.server import Servicer
from tests.support.plugin_api import fault, invoke
from tests.support.plugin_engine import Engine, Refused
from tests.support.serving import running

Values = dict[str, Any]

DNSSEC = "urn:pulumi:dev::poste-mail::cloudflare:index/zoneDnssec:ZoneDnssec::dnssec"
RECORD = "urn:pulumi:dev::poste-mail::cloudflare:index/dnsRecord:DnsRecord::record"
PROVIDER = "urn:pulumi:dev::poste-mail::pulumi:providers:cloudflare::dns"
KEY = "v=DKIM1; k=rsa; p=" + "A" * 392


class Zone(Engine):
    """The plugin with the zone club.example; `sent` are the bodies of the requests so far."""

    def __init__(self, url: str) -> None:
        super().__init__(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
        self.url = url
        self.configure({"apiToken": TOKEN, "baseUrl": f"{url}/client/v4"})
        self.sent: list[tuple[str, str]] = []
        self.http: httpx.Client = self.servicer._provider.client.client._client
        self.http.event_hooks = {"request": [self._record]}
        self.id = self.call("getZone", filter={"name": "club.example"})["zoneId"]

    def _record(self, request: httpx.Request) -> None:
        self.sent.append((request.method, request.content.decode()))

    def call(self, function: str, /, **arguments: Any) -> Values:
        return invoke(self, f"cloudflare:index/{function}:{function}", arguments)

    def inputs(self, kind: str, content: str | None = None, **more: Any) -> Values:
        inputs = {"zoneId": self.id, "type": kind, "name": "club.example", "ttl": 300, **more}
        return inputs if content is None else {**inputs, "content": content}


@pytest.fixture
def zone() -> Iterator[Zone]:
    with running(build()) as url:
        engine = Zone(url)
        yield engine
        engine.http.close()


def records(zone: Zone) -> dict[str, Values]:
    """One record of each kind that a mail server needs."""
    return {
        "A": zone.inputs("A", "198.51.100.128", name="mail.club.example", proxied=False, comment="poste-mail/dev"),
        "AAAA": zone.inputs("AAAA", "2001:db8:100:100::1", name="mail.club.example"),
        "MX": zone.inputs("MX", "mail.club.example", priority=10),
        "TXT": zone.inputs("TXT", '"v=spf1 mx -all"'),
        "DKIM": zone.inputs("TXT", f'"{KEY[:255]}" "{KEY[255:]}"', name="s1._domainkey.club.example"),
        "CNAME": zone.inputs("CNAME", "mail.club.example", name="autoconfig.club.example"),
        "SRV": zone.inputs(
            "SRV",
            name="_imaps._tcp.club.example",
            priority=0,
            data={"priority": 0, "weight": 1, "port": 993, "target": "mail.club.example"},
        ),
        "TLSA": zone.inputs(
            "TLSA",
            name="_25._tcp.mail.club.example",
            data={"usage": 3, "selector": 1, "matchingType": 1, "certificate": "ab" * 32},
        ),
        "no service": zone.inputs(
            "SRV",
            name="_pop3._tcp.club.example",
            priority=0,
            data={"priority": 0, "weight": 0, "port": 0, "target": "."},
        ),
        "null MX": zone.inputs("MX", ".", name="www.club.example", priority=0),
        "CAA": zone.inputs("CAA", data={"flags": 0, "tag": "issue", "value": "letsencrypt.org"}),
    }


# --- settings


def test_a_token_of_another_form_is_refused() -> None:
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    assert engine.check_config(PROVIDER, {"apiToken": "secret"})[1] == [
        (
            "could not validate provider configuration: "
            "API tokens must be 40 to 80 letters, digits, hyphens or underscores. Examine values at 'dns.apiToken'."
        )
    ]


def test_other_credentials_than_a_token_are_refused() -> None:
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    (failure,) = engine.check_config(PROVIDER, {"apiToken": TOKEN, "apiKey": "k" * 40})[1]
    assert "not supported by this offline stand-in for the plugin. Examine values at 'dns.apiKey'" in failure


def test_without_credentials_the_provider_says_where_to_set_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    with pytest.raises(Refused, match=r"must provide apiToken.*pulumi config set --secret cloudflare:apiToken"):
        engine.configure({})


@pytest.mark.parametrize("settings", [{}, {"baseUrl": "http://198.18.0.77/client/v4"}])
def test_an_api_that_is_not_on_this_machine_is_refused_the_public_one_too(settings: dict[str, str]) -> None:
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    with pytest.raises(Refused, match=r"stand-in for the cloudflare plugin.*install Pulumi's own"):
        engine.configure({"apiToken": TOKEN, **settings})


def test_an_api_that_only_the_environment_names_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://198.18.0.77/client/v4")
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    with pytest.raises(Refused, match=r"198\.18\.0\.77 is neither"):
        engine.configure({"apiToken": TOKEN})


def test_a_token_that_the_api_refuses_is_told_with_the_apis_code(zone: Zone) -> None:
    stranger = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    stranger.configure({"apiToken": "x" * 40, "baseUrl": f"{zone.url}/client/v4"})
    with pytest.raises(Refused, match=r"^record: failed to make http request: POST .*: 40[013] .*\(\d+\)$"):
        stranger.create(RECORD, zone.inputs("A", "198.51.100.1"))
    stranger.servicer._provider.client.client.close()


# --- records


@pytest.mark.parametrize(
    "kind", ["A", "AAAA", "MX", "TXT", "DKIM", "CNAME", "SRV", "CAA", "TLSA", "no service", "null MX"]
)
def test_a_record_differs_neither_after_its_creation_nor_after_a_refresh(zone: Zone, kind: str) -> None:
    inputs = records(zone)[kind]
    id_, state = zone.create(RECORD, inputs)
    assert len(id_) == 32
    assert not zone.diff(RECORD, state, inputs).diffs
    refreshed = zone.read(RECORD, id_, state, inputs)[1]
    assert not zone.diff(RECORD, refreshed, inputs).diffs
    assert refreshed["zoneId"] == zone.id


def test_a_service_record_without_a_priority_of_its_own_differs_after_a_refresh_as_with_the_real_plugin(
    zone: Zone,
) -> None:
    inputs = {name: value for name, value in records(zone)["SRV"].items() if name != "priority"}
    id_, state = zone.create(RECORD, inputs)
    assert not zone.diff(RECORD, state, inputs).diffs
    refreshed = zone.read(RECORD, id_, state, inputs)[1]
    assert [*zone.diff(RECORD, refreshed, inputs).diffs] == ["modifiedOn", "priority"]


def test_a_new_record_is_sent_with_what_the_program_gave_only(zone: Zone) -> None:
    zone.sent.clear()
    zone.create(RECORD, records(zone)["MX"])
    method, body = zone.sent[-1]
    assert method == "POST"
    assert httpx.Response(200, text=body).json() == {
        "name": "club.example",
        "type": "MX",
        "ttl": 300,
        "proxied": False,
        "content": "mail.club.example",
        "priority": 10,
    }


def test_a_changed_record_is_put_whole(zone: Zone) -> None:
    inputs = records(zone)["SRV"]
    id_, state = zone.create(RECORD, inputs)
    changed = {**inputs, "data": {**inputs["data"], "port": 143}}
    assert [*zone.diff(RECORD, state, changed).diffs] == ["data", "modifiedOn"]
    state = zone.update(RECORD, id_, state, changed)
    method, body = zone.sent[-1]
    sent = httpx.Response(200, text=body).json()
    assert method == "PUT"
    assert (sent["settings"], sent["tags"], sent["data"]["port"]) == ({}, [], 143)
    assert "content" not in sent
    assert state["content"] == "1 143 mail.club.example"


def test_type_and_zone_replace_a_record_and_nothing_else_does(zone: Zone) -> None:
    inputs = records(zone)["A"]
    state = zone.create(RECORD, inputs)[1]
    for name, value in {"type": "AAAA", "zoneId": "0" * 32}.items():
        found = zone.diff(RECORD, state, {**inputs, name: value})
        assert [*found.replaces] == [name]
        assert not found.deleteBeforeReplace
    updates: Values = {"name": "mx.club.example", "content": "198.51.100.1", "ttl": 60, "comment": "x"}
    for name, value in updates.items():
        found = zone.diff(RECORD, state, {**inputs, name: value})
        times = {"modifiedOn"} | ({"commentModifiedOn"} if name == "comment" else set())
        assert (set(found.diffs), [*found.replaces]) == ({name} | times, [])


def test_an_update_is_previewed_with_the_time_of_change_unknown(zone: Zone) -> None:
    inputs = records(zone)["A"]
    id_, state = zone.create(RECORD, inputs)
    zone.sent.clear()
    planned = zone.update(RECORD, id_, state, {**inputs, "content": "198.51.100.1"}, preview=True)
    assert (planned["content"], planned["modifiedOn"]) == ("198.51.100.1", rpc.UNKNOWN)
    assert planned["createdOn"] == state["createdOn"]
    assert zone.sent == []


def test_a_record_of_whose_fields_nothing_is_known_is_an_error_as_with_the_real_plugin(zone: Zone) -> None:
    inputs = records(zone)["TLSA"]
    state = zone.create(RECORD, inputs)[1]
    digest = {**inputs, "data": {**inputs["data"], "certificate": rpc.UNKNOWN}}
    assert zone.diff(RECORD, state, digest).replaces == []
    with pytest.raises(Refused, match="data: Value Conversion Error"):
        zone.diff(RECORD, state, {**inputs, "data": rpc.UNKNOWN})


def test_other_spellings_of_the_same_are_no_difference(zone: Zone) -> None:
    inputs = zone.inputs("CNAME", "Mail.Club.Example", name="autoconfig")
    id_, state = zone.create(RECORD, inputs)
    assert state["name"] == "autoconfig"
    refreshed = zone.read(RECORD, id_, state, inputs)[1]
    assert refreshed["name"] == "autoconfig.club.example"
    assert not zone.diff(RECORD, refreshed, inputs).diffs
    apex = zone.read(RECORD, zone.create(RECORD, zone.inputs("TXT", '"x"', name="@"))[0], {"zoneId": zone.id}, {})[1]
    assert not zone.diff(RECORD, apex, zone.inputs("TXT", '"x"', name="@")).diffs


def test_a_cname_has_three_settings_and_other_records_have_none(zone: Zone) -> None:
    settings = {"ipv4Only": False, "ipv6Only": False, "flattenCname": False}
    assert zone.create(RECORD, records(zone)["CNAME"])[1]["settings"] == settings
    assert zone.create(RECORD, records(zone)["A"])[1].get("settings", {}) == {}


def test_a_record_is_imported_by_zone_and_id(zone: Zone) -> None:
    inputs = records(zone)["DKIM"]
    id_, _ = zone.create(RECORD, inputs)
    found, state = zone.read(RECORD, f"{zone.id}/{id_}", {}, {})
    assert found == id_
    assert not zone.diff(RECORD, state, inputs).diffs
    with pytest.raises(Refused, match="expected <zone_id>/<dns_record_id>"):
        zone.read(RECORD, id_, {}, {})


def test_a_deleted_record_is_gone_and_deleted_once_more_is_an_error_as_with_the_real_plugin(zone: Zone) -> None:
    id_, state = zone.create(RECORD, records(zone)["A"])
    zone.delete(RECORD, id_, state)
    assert zone.read(RECORD, id_, state, {})[0] == ""
    with pytest.raises(Refused, match=r"404 Not Found: .*\(81044\)"):
        zone.delete(RECORD, id_, state)


def test_a_record_that_is_there_already_is_told_with_the_apis_code(zone: Zone) -> None:
    zone.create(RECORD, records(zone)["A"])
    with pytest.raises(Refused, match=r"^record: .*POST .*: 400 Bad Request: .*identical.* \(81058\)$"):
        zone.create(RECORD, records(zone)["A"])


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"type": "MAIL"}, "got: \"MAIL\". Examine values at 'record.type'."),
        ({"type": "MX", "priority": 70000}, "must be between 0 and 65535, got: 70000"),
        ({"type": "A", "content": "x", "data": {"tag": "x"}}, '"data" cannot be specified when "content" is'),
        ({"type": "A", "value": "x"}, "Invalid or unknown key. Examine values at 'record.value'."),
    ],
)
def test_records_that_make_no_sense_fail_the_check(zone: Zone, inputs: Values, problem: str) -> None:
    assert problem in zone.check(RECORD, {"zoneId": zone.id, "name": "x.club.example", "ttl": 1, **inputs})[1][0]


def test_a_proxied_record_leaves_its_ttl_to_cloudflare(zone: Zone) -> None:
    with pytest.raises(Refused, match="ttl must be set to 1 when `proxied` is true"):
        zone.create(RECORD, zone.inputs("A", "198.51.100.1", proxied=True))


# --- DNSSEC


def enabled(zone: Zone) -> tuple[Values, str, Values]:
    """Inputs, id and state of DNSSEC that was switched on."""
    inputs = {"zoneId": zone.id, "status": "active"}
    return inputs, *zone.create(DNSSEC, inputs)


def tell_registrar(zone: Zone, ds: str | None) -> None:
    """Let the zone's parent have its DS record, or none."""
    body = {"zone": "club.example", "ds": ds and ds.partition(" DS ")[2]}
    httpx.post(f"{zone.url}/_sandbox/registrar", json=body).raise_for_status()


def test_dnssec_is_switched_on_and_its_ds_record_told(zone: Zone) -> None:
    """The state keeps what the program asked for, though Cloudflare waits for the parent; a second preview is empty."""
    inputs, id_, state = enabled(zone)
    assert (id_, zone.sent[-1]) == (zone.id, ("PATCH", '{"status":"active"}'))
    assert (state["status"], state["flags"], state["algorithm"]) == ("active", 257, "13")
    assert state["ds"] == f"club.example. 3600 IN DS {int(state['keyTag'])} 13 2 {state['digest']}"
    assert "dnssecMultiSigner" not in state
    assert not zone.diff(DNSSEC, state, inputs).diffs


def test_a_refresh_finds_dnssec_pending_until_the_parent_has_the_ds_record_as_with_the_real_plugin(zone: Zone) -> None:
    """Until then the status differs, and to ignore that makes it an input that the check refuses."""
    inputs, id_, state = enabled(zone)
    refreshed = zone.read(DNSSEC, id_, state, inputs)[1]
    found = inputs_of_state(ZONE_DNSSEC, inputs, refreshed)
    assert (refreshed["status"], found["status"]) == ("pending", "pending")
    assert {"status", "ds", "modifiedOn"} <= {*zone.diff(DNSSEC, refreshed, inputs).diffs}
    assert "Value must be one of: ['active', 'disabled'], got: \"pending\"" in zone.check(DNSSEC, found)[1][0]
    assert zone.update(DNSSEC, id_, refreshed, inputs)["status"] == "active"
    assert zone.sent[-1] == ("PATCH", '{"status":"active"}')
    tell_registrar(zone, state["ds"])
    refreshed = zone.read(DNSSEC, id_, state, inputs)[1]
    assert not zone.diff(DNSSEC, refreshed, inputs).diffs


def test_dnssec_is_not_deleted_while_the_parent_has_the_ds_record_as_with_the_real_plugin(zone: Zone) -> None:
    _, id_, state = enabled(zone)
    tell_registrar(zone, state["ds"])
    with pytest.raises(Refused, match=r"^dnssec: .*DELETE .*DS record"):
        zone.delete(DNSSEC, id_, state)
    assert zone.call("getZoneDnssec", zoneId=zone.id)["status"] == "pending-disabled"
    tell_registrar(zone, None)
    zone.delete(DNSSEC, id_, state)
    found = zone.call("getZoneDnssec", zoneId=zone.id)
    assert (found["status"], found["id"], "ds" in found) == ("disabled", zone.id, False)


def test_dnssec_of_another_kind_is_refused_and_another_zone_is_another_resource(zone: Zone) -> None:
    inputs, _, state = enabled(zone)
    (failure,) = zone.check(DNSSEC, inputs | {"dnssecUseNsec3": True})[1]
    assert failure.endswith("by this offline stand-in for the plugin. Examine values at 'dnssec.dnssecUseNsec3'.")
    assert [*zone.diff(DNSSEC, state, inputs | {"zoneId": "0" * 32}).replaces] == ["zoneId"]


def test_dnssec_that_is_on_is_imported_by_its_zone(zone: Zone) -> None:
    inputs, id_, state = enabled(zone)
    tell_registrar(zone, state["ds"])
    found, imported = zone.read(DNSSEC, zone.id, {}, {})
    assert (found, imported["keyTag"]) == (id_, state["keyTag"])
    assert not zone.diff(DNSSEC, imported, inputs).diffs


# --- functions


def test_a_zone_is_found_by_name_and_by_id(zone: Zone) -> None:
    found = zone.call("getZone", filter={"name": "club.example"})
    assert (found["name"], found["id"], found["status"]) == ("club.example", zone.id, "active")
    assert found["account"] == {"id": ACCOUNT["id"], "name": "Sandbox"}
    assert zone.call("getZone", zoneId=zone.id)["nameServers"] == found["nameServers"]


def test_a_zone_that_is_not_there_is_named(zone: Zone) -> None:
    with pytest.raises(Refused, match=r"failed to find exactly one result: 0 found .*elsewhere\.example"):
        zone.call("getZone", filter={"name": "elsewhere.example"})


def test_records_are_listed_up_to_a_limit_and_by_no_filter(zone: Zone) -> None:
    for inputs in records(zone).values():
        zone.create(RECORD, inputs)
    found = zone.call("getDnsRecords", zoneId=zone.id)["results"]
    mails = [(record["content"], record["priority"]) for record in found if record["type"] == "MX"]
    assert mails == [("mail.club.example", 10), (".", 0)]
    assert len(found) == 11
    assert len(zone.call("getDnsRecords", zoneId=zone.id, maxItems=3)["results"]) == 3
    with pytest.raises(Refused, match="lists all records of a zone, and not by name, type"):
        zone.call("getDnsRecords", zoneId=zone.id, type="MX", name={"exact": "club.example"})


def test_all_pages_of_a_list_are_read(zone: Zone) -> None:
    for number in range(105):
        zone.create(RECORD, zone.inputs("TXT", '"x"', name=f"r{number}.club.example"))
    found = zone.call("getDnsRecords", zoneId=zone.id)
    assert len(found["results"]) == 105


# --- trouble


@pytest.mark.parametrize("status", [429, 500])
def test_rate_limits_and_server_errors_are_waited_out(zone: Zone, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("cloudflare._base_client.time.sleep", waits.append)
    fault(zone.url, "POST", "/dns_records$", status=status, times=3)
    assert zone.create(RECORD, records(zone)["A"])[0]
    assert len(waits) == 3


def test_an_api_that_cannot_be_reached_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudflare._base_client.time.sleep", lambda _seconds: None)
    engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
    engine.configure({"apiToken": TOKEN, "baseUrl": "http://127.0.0.1:9/client/v4"})
    with pytest.raises(Refused, match="cannot reach the Cloudflare API"):
        invoke(engine, "cloudflare:index/getZone:getZone", {"zoneId": "1"})
    engine.servicer._provider.client.client.close()


@pytest.mark.parametrize(
    ("name", "spelt"), [("zoneId", "zone_id"), ("ipv4Only", "ipv4_only"), ("flattenCname", "flatten_cname")]
)
def test_names_are_spelt_as_the_api_spells_them(name: str, spelt: str) -> None:
    assert snake_case(name) == spelt


def test_reading_the_schemas_leaves_nothing_of_the_bare_package_behind() -> None:
    program = (
        "import offline.toolchain.plugins.cloudflare.schemas, sys; print([m for m in sys.modules if 'pulumi_cl' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
