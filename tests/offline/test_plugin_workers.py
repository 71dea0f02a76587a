"""Workers in the stand-in for Pulumi's cloudflare plugin, against the sandbox's Cloudflare API."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from pulumi.runtime import rpc

from offline.sandbox.internet.cloudflare.access import TOKEN
from offline.sandbox.internet.cloudflare.server import build
from offline.sandbox.internet.cloudflare.zones import ACCOUNT
from offline.toolchain.plugins.cloudflare.provider import CloudflareProvider
from offline.toolchain.plugins.common.server import Servicer
from tests.support.plugin_api import invoke
from tests.support.plugin_engine import Engine, Refused
from tests.support.serving import running

Values = dict[str, Any]

SCRIPT = "urn:pulumi:dev::poste-mail::cloudflare:index/workersScript:WorkersScript::worker"
DOMAIN = "urn:pulumi:dev::poste-mail::cloudflare:index/workersCustomDomain:WorkersCustomDomain::policy"
ME = str(ACCOUNT["id"])
SOURCE = "export default { fetch() { return new Response('grüße\\r') } }\n"
WORKER = {
    "accountId": ME,
    "scriptName": "poste-mail-dev",
    "content": SOURCE,
    "mainModule": "worker.js",
    "compatibilityDate": "2026-10-01",
}


class Account(Engine):
    """The plugin with the sandbox's account."""

    def __init__(self, url: str) -> None:
        super().__init__(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
        self.url = url
        self.configure({"apiToken": TOKEN, "baseUrl": f"{url}/client/v4"})
        self.http: httpx.Client = self.servicer._provider.client.client._client
        zone = self.call("getZone", filter={"name": "club.example"})
        assert zone["account"]["id"] == ME
        self.domain = {
            "accountId": ME,
            "zoneId": zone["zoneId"],
            "hostname": "mta-sts.club.example",
            "service": "poste-mail-dev",
            "environment": "production",
        }

    def call(self, function: str, /, **arguments: Any) -> Values:
        return invoke(self, f"cloudflare:index/{function}:{function}", arguments)


@pytest.fixture
def account() -> Iterator[Account]:
    with running(build()) as url:
        engine = Account(url)
        yield engine
        engine.http.close()


# --- scripts


def test_a_script_differs_neither_after_its_creation_nor_after_a_refresh(account: Account) -> None:
    id_, state = account.create(SCRIPT, WORKER)
    assert id_ == "poste-mail-dev"
    assert {name: state[name] for name in WORKER} == WORKER
    assert not account.diff(SCRIPT, state, WORKER).diffs
    refreshed = account.read(SCRIPT, id_, state, WORKER)[1]
    assert refreshed == state
    assert not account.diff(SCRIPT, refreshed, WORKER).diffs


def test_another_text_or_date_is_uploaded_and_another_name_or_account_replaces_the_script(account: Account) -> None:
    state = account.create(SCRIPT, WORKER)[1]
    for name, value in {"content": "export default {}", "compatibilityDate": "2026-10-02"}.items():
        found = account.diff(SCRIPT, state, {**WORKER, name: value})
        assert {name, "etag", "modifiedOn"} <= set(found.diffs)
        assert "createdOn" not in found.diffs
        assert [*found.replaces] == []
    for name in ("scriptName", "accountId"):
        found = account.diff(SCRIPT, state, {**WORKER, name: "other"})
        assert ([*found.replaces], found.deleteBeforeReplace) == ([name], False)


def test_an_update_is_previewed_with_what_it_may_change_unknown_and_then_uploads_the_text(account: Account) -> None:
    id_, state = account.create(SCRIPT, WORKER)
    changed = {**WORKER, "content": SOURCE.replace("grüße", "hello")}
    planned = account.update(SCRIPT, id_, state, changed, preview=True)
    assert (planned["content"], planned["etag"]) == (changed["content"], rpc.UNKNOWN)
    assert planned["createdOn"] == state["createdOn"]
    assert account.read(SCRIPT, id_, state, WORKER)[1]["content"] == SOURCE
    updated = account.update(SCRIPT, id_, state, changed)
    assert account.read(SCRIPT, id_, updated, changed)[1] == updated
    assert updated["etag"] != state["etag"]


def test_a_script_that_was_changed_elsewhere_is_seen_by_a_refresh(account: Account) -> None:
    id_, state = account.create(SCRIPT, WORKER)
    account.create(SCRIPT, {**WORKER, "content": "export default {}"})
    refreshed = account.read(SCRIPT, id_, state, WORKER)[1]
    assert "content" in account.diff(SCRIPT, refreshed, WORKER).diffs


def test_a_script_is_imported_by_account_and_name(account: Account) -> None:
    account.create(SCRIPT, WORKER)
    found, state = account.read(SCRIPT, f"{ME}/poste-mail-dev", {}, {})
    assert found == "poste-mail-dev"
    assert not account.diff(SCRIPT, state, WORKER).diffs
    with pytest.raises(Refused, match="expected <account_id>/<script_name>"):
        account.read(SCRIPT, "poste-mail-dev", {}, {})


def test_a_deleted_script_is_gone_and_deleted_once_more_is_an_error(account: Account) -> None:
    id_, state = account.create(SCRIPT, WORKER)
    account.delete(SCRIPT, id_, state)
    assert account.read(SCRIPT, id_, state, {})[0] == ""
    with pytest.raises(Refused, match=r"404 Not Found: This Worker does not exist on your account\. \(10007\)"):
        account.delete(SCRIPT, id_, state)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"bindings": [{"name": "A", "type": "plain_text", "text": "b"}]}, "Examine values at 'worker.bindings'"),
        ({"contentFile": "worker.js"}, "Examine values at 'worker.contentFile'"),
        ({"observability": {"enabled": True}}, "Examine values at 'worker.observability'"),
        ({"content": ""}, "content is needed"),
        ({"mainModule": ""}, "mainModule is needed"),
    ],
)
def test_what_the_stand_in_does_not_have_fails_the_check_by_name(
    account: Account, inputs: Values, problem: str
) -> None:
    failures = account.check(SCRIPT, {**WORKER, **inputs})[1]
    assert problem in failures[0]
    assert "offline stand-in" in failures[0]


# --- custom domains


def test_a_domain_differs_neither_after_its_creation_nor_after_a_refresh(account: Account) -> None:
    account.create(SCRIPT, WORKER)
    id_, state = account.create(DOMAIN, account.domain)
    assert {name: state[name] for name in account.domain} == account.domain
    assert state["zoneName"] == "club.example"
    assert not account.diff(DOMAIN, state, account.domain).diffs
    refreshed = account.read(DOMAIN, id_, state, account.domain)[1]
    assert refreshed == state
    assert not account.diff(DOMAIN, refreshed, account.domain).diffs


@pytest.mark.parametrize("name", ["accountId", "zoneId", "hostname", "service", "environment"])
def test_whatever_changes_replaces_a_domain(account: Account, name: str) -> None:
    account.create(SCRIPT, WORKER)
    state = account.create(DOMAIN, account.domain)[1]
    found = account.diff(DOMAIN, state, {**account.domain, name: "other"})
    assert [*found.replaces] == [name]


def test_a_domain_is_imported_by_account_and_identifier_and_deleted(account: Account) -> None:
    account.create(SCRIPT, WORKER)
    id_ = account.create(DOMAIN, account.domain)[0]
    found, state = account.read(DOMAIN, f"{ME}/{id_}", {}, {})
    assert found == id_
    assert not account.diff(DOMAIN, state, account.domain).diffs
    account.delete(DOMAIN, id_, state)
    assert account.read(DOMAIN, id_, state, {})[0] == ""
    with pytest.raises(Refused, match="404 Not Found"):
        account.delete(DOMAIN, id_, state)


def test_a_name_that_leads_elsewhere_is_told_with_the_apis_code(account: Account) -> None:
    account.create(SCRIPT, WORKER)
    record = "urn:pulumi:dev::poste-mail::cloudflare:index/dnsRecord:DnsRecord::record"
    name = account.domain["hostname"]
    zone = account.domain["zoneId"]
    account.create(record, {"zoneId": zone, "type": "A", "name": name, "content": "198.51.100.130", "ttl": 300})
    with pytest.raises(Refused, match=r"^policy: .*409 Conflict: .*externally managed DNS records.*\(100117\)$"):
        account.create(DOMAIN, account.domain)


# --- functions


def test_scripts_and_domains_are_listed(account: Account) -> None:
    account.create(SCRIPT, WORKER)
    account.create(SCRIPT, {**WORKER, "scriptName": "other"})
    account.create(DOMAIN, account.domain)
    assert [found["id"] for found in account.call("getWorkersScripts", accountId=ME)["results"]] == [
        "other",
        "poste-mail-dev",
    ]
    assert len(account.call("getWorkersScripts", accountId=ME, maxItems=1)["results"]) == 1
    (domain,) = account.call("getWorkersCustomDomains", accountId=ME)["results"]
    assert domain["hostname"] == "mta-sts.club.example"
    assert account.call("getWorkersCustomDomains", accountId=ME, service="other")["results"] == []
    with pytest.raises(Refused, match="not by tags"):
        account.call("getWorkersScripts", accountId=ME, tags="a:yes")


@pytest.mark.parametrize("function", ["getWorkersScripts", "getWorkersCustomDomains"])
def test_a_token_without_the_right_to_workers_is_told_with_the_apis_code(account: Account, function: str) -> None:
    requests.post(f"{account.url}/_sandbox/token", json={"workers": False}, timeout=60).raise_for_status()
    with pytest.raises(Refused, match=r"403 Forbidden: Authentication error \(10000\)"):
        account.call(function, accountId=ME)
