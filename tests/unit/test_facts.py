"""Port table, firewall rules, addresses, cloud-init, container and client settings: pure facts from one table."""

import json
import re
from typing import Any

import pytest

from model import cloud_init, ports
from model.addresses import ipv6_host
from model.client_settings import client_settings, web_addresses
from model.cloud_firewall import egress_rules, mail_rules, ssh_rules
from model.host_firewall import ruleset
from model.labels import label_selector, owner_comment, stack_labels
from model.next_steps import next_steps
from model.ssh_keys import ssh_public_key
from tests.support.examples import HOST_KEY, RELAY, settings

GUIDE = [25, 80, 110, 143, 443, 465, 587, 993, 995, 4190]


def test_the_port_table_is_the_guides() -> None:
    assert [port.number for port in ports.TABLE] == GUIDE


def test_a_closed_optional_port_is_closed_everywhere() -> None:
    chosen = settings(optional_ports=[4190])
    assert [port.number for port in chosen.ports] == [25, 80, 443, 465, 587, 993, 4190]
    assert 110 not in [rule.port for rule in mail_rules(chosen.ports, [])]
    assert " 110" not in ruleset(chosen.ports, chosen.admin_cidrs, [])


def test_the_web_switches_move_the_web_ports() -> None:
    assert [port.number for port in settings(http_port=8080, https_port=4433).ports] == [
        25, 8080, 110, 143, 4433, 465, 587, 993, 995, 4190,
    ]  # fmt: skip


def test_the_outbound_list_is_the_guides() -> None:
    listed = {(rule.protocol, rule.port) for rule in egress_rules()}
    tcp = {("tcp", port) for port in (22, 25, 53, 80, 443, 465, 587)}
    assert listed == tcp | {("udp", 53), ("udp", 123), ("icmp", None)}
    assert {rule.direction for rule in egress_rules()} == {"out"}


@pytest.mark.parametrize("port", [587, 465, 2525])
def test_with_a_relay_its_port_is_the_one_way_out_for_mail(port: int) -> None:
    """The other firewall, which opens the direct ways out, has none of them then."""
    chosen = settings(relay=RELAY | {"port": port})
    ways = {rule.port for rule in egress_rules(chosen.egress) if rule.protocol == "tcp"}
    assert ways & {25, 465, 587, 2525} == {port}
    assert list(chosen.delivery) == []
    assert [way.port for way in settings().delivery] == [25, 465, 587]


def test_ssh_is_open_to_the_administrators_only() -> None:
    rules = [rule for rule in ssh_rules(["198.51.100.7/32"]) if rule.protocol == "tcp"]
    assert [(rule.port, rule.networks) for rule in rules] == [(22, ["198.51.100.7/32"])]


def test_mail_ports_are_open_to_the_world_and_web_ports_to_the_proxy_alone() -> None:
    sources = {rule.port: list(rule.networks) for rule in mail_rules(ports.TABLE, ["198.51.100.9/32"])}
    assert sources[443] == sources[80] == ["198.51.100.9/32"]
    assert sources[25] == sources[993] == ["0.0.0.0/0", "::/0"]


def test_the_host_firewall_drops_by_default_and_knows_both_families() -> None:
    text = ruleset(ports.TABLE, ["198.51.100.7/32", "2001:db8::/64"], [])
    assert [text.count(policy) for policy in ("policy drop", "policy accept")] == [2, 1]
    assert "ip saddr { 198.51.100.7/32 } tcp dport { 22 } accept" in text
    assert "ip6 saddr { 2001:db8::/64 } tcp dport { 22 } accept" in text
    assert "ip saddr { 0.0.0.0/0 } tcp dport { 25, 110, 143, 465, 587, 993, 995, 4190 } accept" in text
    assert "ip6 saddr { ::/0 } tcp dport { 80, 443 } accept" in text


def test_nothing_on_the_server_or_in_a_container_reaches_the_user_data_with_the_hosts_key() -> None:
    chains = dict(re.findall(r"chain (\w+) \{\n(.*?)\n  \}", ruleset(ports.TABLE, ["198.51.100.7/32"], []), re.DOTALL))
    for chain in ("output", "forward"):
        rules = [line.strip() for line in chains[chain].splitlines()]
        assert rules[1:3] == ["ip daddr 169.254.169.254 drop", "ip6 daddr fe80::a9fe:a9fe drop"], chain


@pytest.mark.parametrize(
    ("search", "rule"),
    [
        ("10.0.0.5:9200", (9200, ["10.0.0.5/32"])),
        ("[2001:db8::5]:9243", (9243, ["2001:db8::5/128"])),
        ("search.example.com:9243", (9243, ["0.0.0.0/0", "::/0"])),
        ("search.example.com:443", None),
        ("127.0.0.1:9200", None),
        ("localhost:9200", None),
        ("[::1]:9200", None),
        (None, None),
    ],
)
def test_outbound_the_port_of_elasticsearch_is_open_where_the_network_is_needed_to_reach_it(
    search: str | None, rule: tuple[int, list[str]] | None
) -> None:
    more = egress_rules(settings(elasticsearch=search).egress)[len(egress_rules()) :]
    assert [(found.port, list(found.networks)) for found in more] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("directory", "ports"),
    [
        ("https://acme.example.net/directory", []),
        ("https://acme.example.net:443/directory", []),
        ("https://acme.example.net:14000/dir", [14000]),
    ],
)
def test_outbound_the_port_of_another_authority_is_open(directory: str, ports: list[int]) -> None:
    more = egress_rules(settings(acme_server=directory).egress)[len(egress_rules()) :]
    assert [found.port for found in more] == ports


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("2001:db8:100:1::", "2001:db8:100:1::1"),
        ("2001:db8:100:1::/64", "2001:db8:100:1::1"),
        ("2001:DB8:0100:0001:0:0:0:0", "2001:db8:100:1::1"),
    ],
)
def test_the_servers_ipv6_address_is_the_first_of_its_network(network: str, address: str) -> None:
    assert ipv6_host(network) == address


def test_the_first_boot_gets_the_host_key_and_nothing_that_changes_later() -> None:
    text = cloud_init.user_data(HOST_KEY, ssh_public_key(HOST_KEY), revision=3)
    assert text.startswith("#cloud-config\n# revision 3\n")
    config = json.loads(text.removeprefix("#cloud-config\n# revision 3\n"))
    assert config["ssh_keys"] == {"ed25519_private": HOST_KEY, "ed25519_public": ssh_public_key(HOST_KEY)}
    assert config["ssh_pwauth"] is False
    assert "packages" not in config
    assert "nft" not in json.dumps(config["runcmd"])


def test_client_settings_prefer_tls_from_the_start() -> None:
    found = client_settings("mail.example.com", ports.TABLE)
    assert [(way["port"], way["security"]) for way in found["smtp"]] == [(465, "TLS"), (587, "STARTTLS")]
    assert [way["port"] for way in found["imap"]] == [993, 143]
    assert [way["port"] for way in found["pop3"]] == [995, 110]
    assert {way["server"] for ways in found.values() for way in ways} == {"mail.example.com"}


def test_labels_tell_stacks_apart() -> None:
    selectors = {label_selector(stack_labels("poste-mail", stack)) for stack in ("dev", "prod")}
    assert selectors == {
        "managed-by=pulumi,project=poste-mail,stack=dev",
        "managed-by=pulumi,project=poste-mail,stack=prod",
    }


@pytest.mark.parametrize("stack", ["prod", "a-very-long-name-of-a-stack-" * 5])
def test_a_records_comment_fits_cloudflare_and_ends_with_the_owner(stack: str) -> None:
    comment = owner_comment("poste-mail", stack, "0123456789abcdef")
    assert len(comment) <= 100
    assert comment.startswith(f"Managed by Pulumi: poste-mail/{stack}"[:50])
    assert comment.endswith(" 0123456789abcdef")


@pytest.mark.parametrize(
    ("changes", "addresses"),
    [
        ({}, {"webmail": "https://mail.example.com/webmail/", "admin": "https://mail.example.com/admin/"}),
        ({"disable_roundcube": True}, {"admin": "https://mail.example.com/admin/"}),
        ({"https_port": 4433, "disable_roundcube": True}, {"admin": "https://mail.example.com:4433/admin/"}),
        (
            {"https": False, "reverse_proxy_cidrs": ["198.51.100.9/32"], "http_port": 8080},
            {"webmail": "http://mail.example.com:8080/webmail/", "admin": "http://mail.example.com:8080/admin/"},
        ),
        ({"https": False, "disable_roundcube": True}, {"admin": "http://mail.example.com/admin/"}),
    ],
)
def test_the_web_addresses_are_where_poste_answers(changes: dict[str, Any], addresses: dict[str, str]) -> None:
    assert web_addresses(settings(**changes)) == addresses


def test_next_steps_name_hetzners_block_first_and_send_nobody_for_a_certificate() -> None:
    steps = next_steps("198.51.100.7")
    assert "25 and 465 for 198.51.100.7" in steps[0]
    assert not any("certificate" in step for step in steps)


def test_next_steps_say_nothing_of_the_block_where_a_relay_takes_the_mail() -> None:
    assert next_steps("198.51.100.7", relayed=True) == next_steps("198.51.100.7")[1:]
