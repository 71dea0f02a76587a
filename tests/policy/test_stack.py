"""What the rules learn from the stack's configuration."""

from typing import Any

import pytest

from policy.stack import Stack, read_stack

VALUES = {
    "poste-mail:mailHost": "Mail.example.com",
    "poste-mail:domains": '[{"name": "example.com"}, {"name": "shop.example.com", "zone": "example.com"}]',
}


def stack(**config: str) -> Stack:
    found = read_stack("poste-mail", "prod", VALUES | {f"poste-mail:{key}": value for key, value in config.items()})
    assert found is not None
    return found


def test_a_stack_is_protected_unless_it_says_otherwise() -> None:
    assert stack().protected
    assert stack(protect="true").protected
    assert not stack(protect="false").protected


def test_the_open_ports_follow_the_switches() -> None:
    numbers = {port.number for port in stack(optionalPorts="[995]", httpPort="8080", httpsPort="4433").ports}
    assert numbers == {25, 8080, 4433, 465, 587, 993, 995}


def test_names_are_lower_case_and_each_domain_knows_its_zone() -> None:
    assert stack().mail_host == "mail.example.com"
    assert stack().domains == {"example.com": "example.com", "shop.example.com": "example.com"}


def test_poste_answers_on_ipv6_unless_it_is_behind_the_bridge() -> None:
    assert stack().serves_ipv6
    assert not stack(networkMode="bridge").serves_ipv6


def test_secrets_are_found_by_the_names_of_their_settings_at_any_depth() -> None:
    found = stack(adminPassword="12345678", sshHostKey="a key", mailboxes='[{"address": "a", "password": "b"}]')
    assert found.secrets == {
        "poste-mail:adminPassword": "12345678",
        "poste-mail:sshHostKey": "a key",
        "poste-mail:mailboxes[0].password": "b",
    }


@pytest.mark.parametrize(
    "config",
    [{}, {"domains": "[7]"}, {"domains": "none"}, {"optionalPorts": "7"}, {"httpPort": "eighty"}],
    ids=str,
)
def test_a_configuration_with_which_the_program_itself_refuses_to_run_is_left_to_the_program(config: Any) -> None:
    values = VALUES | {f"poste-mail:{key}": value for key, value in config.items()} if config else {}
    assert read_stack("poste-mail", "prod", values) is None
