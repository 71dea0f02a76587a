"""The program itself, under mocks, against the rules for single resources: a protected stack in all its forms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from model.mta_sts import COMPONENT
from policy.model import CONTAINER, DNS_RECORD, FIREWALL, UNKNOWN, WORKER, WORKER_HOST, ZONE_DNSSEC, Resource, Resources
from policy.rule import ResourceRule, StackRule
from policy.rules import RULES
from policy.stack import Stack, read_stack
from tests.support.examples import RELAY, STORAGE_BOX
from tests.support.mocked import TOKENS, Cloud, Registered, Secret, run_program
from tests.support.project import handed_over
from tests.unit.test_records import public_key


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def plain(value: Any) -> Any:
    """An input as the rules get it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def in_clear(value: Any) -> Any:
    """An input without what the state encrypts."""
    if isinstance(value, dict):
        return {key: in_clear(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_clear(inner) for inner in value]
    return None if isinstance(value, Secret | Unknown) else value


def found(resources: list[Resource], stack: Stack) -> Iterator[str]:
    for rule in RULES:
        if isinstance(rule, StackRule) and rule.level == "mandatory":
            for blamed, finding in rule.check(Resources(tuple(resources)), stack, rule.with_defaults({})):
                yield f"{rule.name}: {blamed and blamed.name}: {finding}"
        for resource in resources:
            if isinstance(rule, ResourceRule) and rule.applies_to(resource.type):
                for finding in rule.check(resource, stack, rule.with_defaults({})):
                    yield f"{rule.name}: {resource.name}: {finding}"


def registered(urn: str, resource: Registered) -> Resource:
    return Resource(
        resource.type,
        resource.name,
        plain(resource.inputs),
        urn,
        protect=resource.protect,
        uses={name: frozenset(urns) for name, urns in resource.sources.items()},
        after=frozenset(resource.depends_on),
        ignores=frozenset(resource.ignores),
        in_clear=in_clear(resource.inputs),
    )


SINGLE = {"acmeKeyId", "acmeHmacKey", "backupPassphrase", "backupKey", "storageBoxPassword"}
"""The secrets that a stack may have beside those that each has."""

FORMS: dict[str, dict[str, Any]] = {
    "host": {"networkMode": "host", "optionalPorts": [995]},
    "bridge": {"networkMode": "bridge", "elasticsearch": "198.51.100.9:9200"},
    "server to be replaced": {
        "unprotected": ["server"],
        "reverseProxyCidrs": ["198.51.100.80/32"],
        "certificate": "none",
    },
    "another provider's mail": {"domains": [{"name": "example.com", "receive": False, "senders": ["ip4:192.0.2.9"]}]},
    "a certificate of another authority": {
        "acmeServer": "https://acme.example.net/directory",
        "acmeKeyId": "kid-1234567",
        "acmeHmacKey": "MTIzNDU2Nzg5MDEyMzQ1Ng",
    },
    "mailboxes and aliases": {
        "domains": [
            {
                "name": "example.com",
                "mailboxes": [
                    {"address": "ann@example.com", "administrator": True},
                    {"address": "robot@example.com", "password": "always"},
                ],
                "aliases": {
                    "all@example.com": ["*@example.com", "*@example.org"],
                    "abuse@example.com": "ann@example.com",
                },
                "catchAll": "ann@example.com",
            },
            {"name": "example.org", "forwardTo": "example.com"},
        ],
        "passwords": {"ann@example.com": "Ann's-Rule-14", "robot@example.com": "Robot-Rule-15"},
        "deleteMailboxes": ["gone@example.net"],
    },
    "a backup in a Storage Box": STORAGE_BOX,
    "a backup of one's own": STORAGE_BOX
    | {
        "backup": {"repository": "s3:https://s3.example.net/mail"},
        "backupEnvironment": {"AWS_ACCESS_KEY_ID": "Access-Key-Of-Ours", "AWS_SECRET_ACCESS_KEY": "Secret-Of-Ours-10"},
    },
    "all that others may be told": {
        "domains": [
            {
                "name": "example.com",
                "bimi": {"logo": "https://example.com/logo.svg", "certificate": "https://example.com/logo.pem"},
            },
            {"name": "example.org", "mtaSts": "none", "bimi": {"logo": "https://example.com/logo.svg"}},
            {"name": "shop.example.com", "zone": "example.com", "receive": False},
        ],
        "formerMailHosts": ["mx.example.org"],
        "mtaSts": "testing",
        "clientSetup": True,
        "tlsReports": ["tls@example.com", "tls@example.org"],
        "dnssec": ["example.com", "example.org"],
        "optionalPorts": [],
    },
    "encryption that senders enforce": {"mtaSts": "enforce"},
    "mail through a relay": {"relay": RELAY},
    "records to be given up": {"unprotected": ["records", "addresses"]},
}


STATES = {
    "encryption that senders enforce": {
        f"urn:pulumi:prod::poste-mail::{COMPONENT}::example.com": {"type": COMPONENT, "outputs": {"mode": "testing"}},
    }
}
"""What the last deploy of a form left, where that matters."""


@pytest.mark.parametrize("unknown", [True, False], ids=["first preview", "update"])
@pytest.mark.parametrize("form", FORMS)
def test_the_program_keeps_its_own_rules(form: str, unknown: bool) -> None:
    config = FORMS[form]
    cloud = Cloud(public_key(2048), unknown=unknown, dnssec="active", state=STATES.get(form, {}))
    resources = [registered(*made) for made in run_program(cloud, preview=unknown, **config).items()]
    stack = read_stack(handed_over(**config) | TOKENS)
    assert isinstance(stack, Stack)
    assert stack.settings.protect
    more = [*(SINGLE & config.keys()), *config.get("passwords", {}), *config.get("backupEnvironment", {})]
    more += [name for name in config.get("relay", {}) if name == "password"]
    assert len(stack.secrets) == 5 + len(more)
    assert {FIREWALL, DNS_RECORD, CONTAINER} <= {resource.type for resource in resources}
    assert list(found(resources, stack)) == []


def test_the_fullest_form_has_what_the_rules_are_about() -> None:
    cloud = Cloud(public_key(2048), dnssec="active")
    made = run_program(cloud, **FORMS["all that others may be told"]).values()
    assert {WORKER, WORKER_HOST, ZONE_DNSSEC} <= {found.type for found in made}
    records = [found.inputs for found in made if found.type == DNS_RECORD]
    assert {"SRV", "CAA", "TLSA"} <= {record["type"] for record in records}
    assert {"."} == {record["content"] for record in records if record["type"] == "MX" and record["priority"] == 0}
    for beginning in ("_mta-sts.", "_smtp._tls.", "default._bimi."):
        assert any(str(record["name"]).startswith(beginning) for record in records)
