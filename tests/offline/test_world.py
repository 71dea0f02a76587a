"""The sandbox's world stands in one module; what files say again that are no Python says the same."""

import re
from ipaddress import ip_address
from pathlib import Path

import asyncssh
import dns.rdatatype
import dns.zone
import pytest
import yaml

from offline.sandbox import world
from offline.sandbox.host.parts import IMAGES, SOURCE
from offline.sandbox.internet.__main__ import TRUST_ANCHOR
from offline.sandbox.internet.cloudflare.dnssec import KEY_TYPE, Signing
from offline.sandbox.internet.cloudflare.knot import PARENT
from offline.sandbox.provider import dane, trust

ROOT = SOURCE.parents[1]
ETC, ZONES = SOURCE / "internet" / "etc", SOURCE / "internet" / "zones"
PROVIDER = SOURCE / "provider" / "rootfs"


def zone(name: str) -> dict[tuple[str, str], set[str]]:
    """What a zone file says, by absolute name and type."""
    found: dict[tuple[str, str], set[str]] = {}
    for owner, _, data in dns.zone.from_file(
        str(ZONES / f"{name}.zone"), origin=name, relativize=False
    ).iterate_rdatas():
        found.setdefault((str(owner).rstrip("."), dns.rdatatype.to_text(data.rdtype)), set()).add(data.to_text())
    return found


def directives(file: Path, key: str) -> set[str]:
    """The values of a directive such as `interface: 198.51.100.54`."""
    return set(re.findall(rf"^\s*(?:- )?{key}: *(\S.*)$", file.read_text(), re.MULTILINE))


def test_the_name_server_listens_and_takes_updates_as_the_world_says() -> None:
    knot = ETC / "knot.conf"
    assert directives(knot, "listen") == {f"[{', '.join(f'{at}@53' for at in (*world.AUTHORITATIVE, '127.0.0.1'))}]"}
    name, secret = world.UPDATE_KEY
    assert directives(knot, "secret") == {secret}
    assert directives(knot, "key") == {name}
    assert name in directives(knot, "id")
    assert world.OTHER_DOMAIN in directives(knot, "domain")


def test_the_resolver_listens_and_asks_as_the_world_says() -> None:
    assert directives(ETC / "unbound.conf", "interface") == set(world.RESOLVER)
    assert directives(ETC / "unbound.conf", "stub-addr") == set(world.AUTHORITATIVE)
    assert directives(ETC / "unbound.conf", "trust-anchor-file") == {f'"{TRUST_ANCHOR}"'}


def test_the_name_server_signs_as_cloudflares_api_asks_and_tells() -> None:
    knot = ETC / "knot.conf"
    assert {Signing.ON, Signing.OFF} <= directives(knot, "id")
    assert directives(knot, "algorithm") == {"hmac-sha256", KEY_TYPE.lower()}
    assert directives(knot, "dnssec-policy") == {Signing.ON}
    assert zone(PARENT)[world.OTHER_DOMAIN, "NS"] == {"ns1.sandbox.example."}


def test_the_registry_is_where_the_servers_look_for_it() -> None:
    assert directives(ETC / "registry.yml", "addr") == {f"{world.AUTHORITATIVE.ipv4}:80"}


@pytest.mark.parametrize(
    ("domain", "host", "addresses"),
    [
        ("example", "ns1.sandbox.example", world.AUTHORITATIVE),
        ("example", "resolver.sandbox.example", world.RESOLVER),
        ("example", "packages.sandbox.example", world.MIRROR),
        ("example", world.ACME_HOST, world.AUTHORITY),
        ("example", "boxes.sandbox.example", world.BOXES),
        ("example", world.ALERTS_HOST, world.ALERTS),
        (world.RELAY_DOMAIN, world.RELAY_HOST, world.RELAY),
        (world.OTHER_DOMAIN, world.OTHER_HOST, world.PROVIDER),
    ],
)
def test_each_fixed_host_has_its_addresses_and_they_lead_back(
    domain: str, host: str, addresses: world.Addresses
) -> None:
    records = zone(domain)
    assert (records[host, "A"], records[host, "AAAA"]) == ({addresses.ipv4}, {addresses.ipv6})
    reverse = zone("100.51.198.in-addr.arpa") | zone("0.0.1.0.8.b.d.0.1.0.0.2.ip6.arpa")
    for address in addresses:
        assert reverse[ip_address(address).reverse_pointer, "PTR"] == {f"{host}."}


def test_both_acme_servers_are_at_the_authorities_addresses() -> None:
    records = zone("example")
    for name in (world.ACME_HOST, world.BRIEF_HOST):
        assert (records[name, "A"], records[name, "AAAA"]) == ({world.AUTHORITY.ipv4}, {world.AUTHORITY.ipv6})


def test_every_name_below_the_boxes_domain_leads_to_them_and_the_resolver_knows_where_to_ask() -> None:
    records = zone(world.BOX_DOMAIN)
    every = f"*.{world.BOX_DOMAIN}"
    assert (records[every, "A"], records[every, "AAAA"]) == ({world.BOXES.ipv4}, {world.BOXES.ipv6})
    assert world.BOX_DOMAIN in directives(ETC / "knot.conf", "domain")
    assert f'"{world.BOX_DOMAIN}."' in directives(ETC / "unbound.conf", "name")


def test_the_boxes_show_the_host_key_that_the_world_tells() -> None:
    private = asyncssh.read_private_key(SOURCE / "boxes" / "host_key")
    assert private.export_public_key().decode().strip() == world.BOX_HOST_KEY


def test_the_relays_zone_has_the_key_that_it_signs_with_and_its_addresses() -> None:
    records = zone(world.RELAY_DOMAIN)
    (text,) = records[f"{world.RELAY_SELECTOR}.domainkey.{world.RELAY_DOMAIN}", "TXT"]
    private = asyncssh.read_private_key(SOURCE / "relay" / "dkim_key")
    public = b"".join(private.export_public_key("pkcs8-pem").splitlines()[1:-1]).decode()
    assert text.replace('" "', "") == f'"v=DKIM1; k=rsa; p={public}"'
    spf = f'"v=spf1 ip4:{world.RELAY.ipv4} ip6:{world.RELAY.ipv6} -all"'
    assert records[f"spf.{world.RELAY_DOMAIN}", "TXT"] == {spf}
    assert world.RELAY_DOMAIN in directives(ETC / "knot.conf", "domain")
    assert zone(PARENT)[world.RELAY_DOMAIN, "NS"] == {"ns1.sandbox.example."}


def test_the_zones_have_no_other_fixed_hosts() -> None:
    known = {*world.AUTHORITATIVE, *world.RESOLVER, *world.MIRROR, *world.AUTHORITY, *world.PROVIDER, *world.BOXES}
    known |= {*world.ALERTS}
    known |= {*world.RELAY}
    for name in ("example", world.OTHER_DOMAIN, world.RELAY_DOMAIN):
        listed = {value for (_, kind), values in zone(name).items() if kind in ("A", "AAAA") for value in values}
        assert listed <= known


def test_the_other_providers_host_is_set_up_with_its_names_and_mailbox() -> None:
    assert f'"nameserver {world.RESOLVER.ipv4}"' in (PROVIDER / "init").read_text()
    assert f'-subj "/CN={world.OTHER_HOST}"' in (PROVIDER / "init").read_text()
    users = (PROVIDER / "etc/dovecot/users").read_text()
    assert users.startswith(f"{world.OTHER_MAILBOX}:{{PLAIN}}{world.OTHER_PASSWORD}:")
    settings = dict(re.findall(r"^(\w+) = (.*)$", (PROVIDER / "etc/postfix/main.cf").read_text(), re.MULTILINE))
    assert (settings["myhostname"], settings["virtual_mailbox_domains"]) == (world.OTHER_HOST, world.OTHER_DOMAIN)
    assert world.OTHER_MAILBOX in settings["virtual_mailbox_maps"]


def test_the_other_provider_asks_for_dane_before_mta_sts_and_trusts_what_the_sandbox_tells() -> None:
    settings = dict(re.findall(r"^(\w+) = (.*)$", (PROVIDER / "etc/postfix/main.cf").read_text(), re.MULTILINE))
    sts = yaml.safe_load((PROVIDER / "etc/mta-sts-daemon.yml").read_text())
    maps = (f"{dane.HOST}:{dane.PORT}:dane", f"{sts['host']}:{sts['port']}:mta-sts")
    assert settings["smtp_tls_policy_maps"] == ", ".join(f"socketmap:inet:{socketmap}" for socketmap in maps)
    assert settings["smtp_tls_CAfile"] == str(trust.FILE)
    assert f"SSL_CERT_FILE={trust.FILE}\n" in (PROVIDER / "etc/services.d/mta-sts/run").read_text()


def test_the_stack_dev_works_on_this_world() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    assert config["poste-mail:adminCidrs"] == [f"{world.GATEWAY.ipv4}/32", f"{world.GATEWAY.ipv6}/128"]
    assert config["hcloud:endpoint"] == config["hcloud:endpointHetzner"] == f"{world.HETZNER}/v1"
    assert config["cloudflare:baseUrl"] == f"{world.CLOUDFLARE}/client/v4"
    assert config["verify:resolver"] == world.RESOLVER.ipv4
    assert config["verify:otherMailbox"] == world.OTHER_MAILBOX
    assert config["verify:otherHost"] == world.OTHER_HOST


@pytest.mark.parametrize("name", ["vps", "datacentre", "internet", "boxes", "relay", "provider"])
def test_an_image_copies_and_is_made_anew_with_all_that_its_python_imports_of_the_sandbox(name: str) -> None:
    (image,) = [image for image in IMAGES if image.name == name]
    copied = " ".join(
        re.findall(r"^COPY (?!--from)(.*) \S+$", (SOURCE / name / "Dockerfile").read_text(), re.MULTILINE)
    )
    folders = {part.partition("/")[0] for part in copied.split()}
    for file in (SOURCE / name).rglob("*.py"):
        for imported in re.findall(r"^from offline\.sandbox(?:\.| import )(\w+)", file.read_text(), re.MULTILINE):
            source = imported if (SOURCE / imported).is_dir() else f"{imported}.py"
            assert source in image.sources, f"{file.name} imports {imported}"
            assert source in folders, f"{file.name} imports {imported}"


def test_no_python_of_the_sandbox_has_an_address_of_its_own() -> None:
    fixed = {address for value in vars(world).values() if isinstance(value, world.Addresses) for address in value}
    own = {
        f"{file.relative_to(SOURCE)}: {address}"
        for file in SOURCE.rglob("*.py")
        if file.name != "world.py"
        for address in fixed
        if re.search(rf"""["'/]{re.escape(address)}["':/]""", file.read_text())
    }
    assert own == set()
