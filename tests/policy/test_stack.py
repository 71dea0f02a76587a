"""What the rules learn from the stack's configuration."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import settings as runtime_settings

from policy.stack import Stack, Unreadable, current_stack, read_stack
from tests.support.examples import HOST_KEY, PASSWORD
from tests.support.project import handed_over


@pytest.fixture(autouse=True)
def _stack() -> None:
    runtime_settings.configure(pulumi.runtime.Settings(project="poste-mail", stack="prod"))


def stack(**config: Any) -> Stack:
    found = read_stack(handed_over(**config))
    assert isinstance(found, Stack), found
    return found


def reason(**config: Any) -> str:
    found = read_stack(handed_over(**config))
    assert isinstance(found, Unreadable)
    return found.reason


def test_the_settings_are_those_that_the_program_reads() -> None:
    found = stack(
        mailHost="Mail.example.com",
        protect="false",
        httpPort="8080",
        networkMode="bridge",
        certificate="none, in tests",
    )
    assert (found.project, found.name) == ("poste-mail", "prod")
    assert (found.settings.mail_host, found.settings.protect, found.settings.http_port) == (
        "mail.example.com",
        False,
        8080,
    )
    assert not found.settings.serves_ipv6


def test_a_zone_holds_the_domains_that_name_it() -> None:
    domains = [{"name": "Example.com"}, {"name": "shop.example.com", "zone": "example.com"}]
    found = stack(domains=domains).settings.domains
    assert [(domain.name, domain.zone_name) for domain in found] == [
        ("example.com", "example.com"),
        ("shop.example.com", "example.com"),
    ]


def test_secrets_are_found_by_the_names_of_their_settings_in_every_namespace_at_any_depth() -> None:
    values = handed_over() | {
        "hcloud:token": "h" * 64,
        "other:boxes": '[{"address": "a", "password": "12345678"}]',
        "other:tokens": '["87654321"]',
    }
    found = read_stack(values)
    assert isinstance(found, Stack)
    secrets = found.secrets
    assert secrets["poste-mail:adminPassword"] == PASSWORD
    assert secrets["poste-mail:sshHostKey"] == HOST_KEY
    assert secrets["hcloud:token"] == "h" * 64
    assert secrets["other:boxes[0].password"] == "12345678"
    assert secrets["other:tokens[0]"] == "87654321"
    assert "poste-mail:mailHost" not in secrets


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"domains": "none"}, "domains"),
        ({"domains": [7]}, "domains"),
        ({"domains": [{"zone": "example.com"}]}, "domains.0.name"),
        ({"domains": [{"name": None}]}, "domains.0.name"),
        ({"domains": []}, "domains"),
        ({"optionalPorts": "7"}, "optionalPorts"),
        ({"httpPort": "eighty"}, "httpPort"),
        ({"protect": "perhaps"}, "protect"),
        ({"unprotected": ["everything"]}, "unprotected"),
        ({"adminCidrs": ["office"]}, "adminCidrs"),
        ({"mailHost": ""}, "mailHost"),
        ({"mailhost": "mail.example.com"}, "mailhost"),
        ({"adminPassword": "short"}, "adminPassword"),
    ],
    ids=str,
)
def test_settings_that_the_program_refuses_cannot_be_judged_and_the_reason_names_the_key(
    config: dict[str, Any], named: str
) -> None:
    said = reason(**config)
    assert said.startswith("Configuration of stack prod: 1 mistake in Pulumi.prod.yaml")
    assert f" {named}" in said
    assert "\n" not in said


def test_an_empty_zone_never_makes_a_stack_that_is_judged_by_other_names() -> None:
    found = read_stack(handed_over(domains=[{"name": "example.com", "zone": None}]))
    if isinstance(found, Stack):
        assert found.settings.domains[0].zone_name == "example.com"
    else:
        assert "domains" in found.reason


def test_no_reason_repeats_a_secret() -> None:
    assert "Weak-password" not in reason(adminPassword="Weak-password")


def test_where_the_engine_tells_no_configuration_nothing_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    found = current_stack()
    assert isinstance(found, Unreadable)
    assert "tells no configuration" in found.reason
