"""Configuration errors: all at once, each with key, value, what is right and an example; no secret in any of them."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pulumi.runtime import config as runtime
from pulumi.runtime import settings as runtime_settings
from pydantic import BaseModel

from components.existing.stack_config import load_settings
from model.settings import AUTHORITIES, Dmarc, MailDomainSettings, Settings
from model.stack_config import MISSING, SECRETS
from tests.support.examples import HOST_KEY, IMAGE, LOGIN_KEY, PASSWORD, RELAY, VALUES

ROOT = Path(__file__).parents[2]


NONE = {"certificate": "none, in tests"}
"""What a stack says whose port 80 no authority reaches."""
DIRECTORY = "https://acme.example.net/directory"
HMAC = "MTIzNDU2Nzg5MDEyMzQ1Ng"


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    runtime_settings.configure(runtime_settings.Settings(project="poste-mail", stack="prod"))


def configure(secrets: tuple[str, ...] = SECRETS, **changes: Any) -> None:
    """Set the stack's configuration as the engine hands it over: text, with arrays and objects as JSON."""
    values = {key: value for key, value in (VALUES | changes).items() if value is not None}
    text = {
        f"poste-mail:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }
    runtime.set_all_config(text, [f"poste-mail:{key}" for key in secrets])


def message(**changes: Any) -> str:
    configure(**changes)
    with pytest.raises(pulumi.RunError) as caught:
        load_settings()
    return str(caught.value)


def test_a_complete_configuration_is_accepted() -> None:
    configure(protect="false", volumeSize="40", httpPort="8080", certificate="none, in tests")
    settings = load_settings()
    assert (settings.protect, settings.volume_size, settings.http_port) == (False, 40, 8080)
    assert settings.domains[0] == MailDomainSettings(name="example.com")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mailHost": "mail"}, 'mailHost: "mail": Expected a fully qualified name'),
        ({"mailHost": "198.51.100.7"}, 'mailHost: "198.51.100.7": Expected a fully qualified name'),
        ({"mailHost": "mail.example.org"}, "lies in the zone of none of the domains (example.com)"),
        ({"adminAddress": "admin"}, 'adminAddress: "admin": Expected an e-mail address, for example admin@example.com'),
        ({"adminAddress": "a@example.org"}, "adminAddress: \"a@example.org\": a@example.org belongs to none"),
        ({"domains": []}, "domains: is missing"),
        ({"domains": {"name": "example.com"}}, "Expected a list. Set it with: pulumi config set --path 'domains[0]' …"),
        ({"domains": "[{name: example.com}]"}, "Expected a list. Set it with: pulumi config set --path 'domains[0]' …"),
        ({"domains": ["example.com"]}, 'domains.0: "example.com": Expected settings by name, of name, zone, zoneId'),
        ({"domains": [None]}, "domains.0: Expected settings by name"),
        ({"domains": [{"name": "example.com", "mx_priority": 5}]}, "is no setting of this program. Did you mean mxPri"),
        ({"domains": [{"name": "example.com", "dmarc": {"polcy": "none"}}]}, "Did you mean policy?"),
        ({"domains": [{"name": "example.com", "ttl": "soon"}]}, 'domains.0.ttl: "soon": Expected a valid integer'),
        ({"domains": [{"name": 5}]}, "domains.0.name: 5: Expected a valid string"),
        ({"domains": [{}]}, "domains.0.name: Is missing"),
        ({"mail_host": "mail.example.com"}, "mail_host: is no setting of this program. Did you mean mailHost?"),
        ({"mailHost": "mail..example.com"}, "Expected a fully qualified name"),
        ({"mailHost": "mail.example.com.."}, "Expected a fully qualified name"),
        ({"mailHost": f"{'m' * 60}.example.com"}, "Has 72 characters; a host's name (Linux) and the common name"),
        ({"adminAddress": ".admin@example.com"}, "Expected an e-mail address"),
        ({"adminAddress": "admin.@example.com"}, "Expected an e-mail address"),
        ({"adminAddress": "ad..min@example.com"}, "Expected an e-mail address"),
        ({"formerMailHosts": ["mx.example.org"]}, "mx.example.org lies in the zone of none of the domains"),
        ({"formerMailHosts": ["mail.example.com"]}, "mail.example.com is the mail host of today"),
        ({"domains": [{"name": "mx.example.com", "zoneId": "0" * 32}], "adminAddress": "a@mx.example.com"},
         "If it lies in the zone that domains[0].zoneId names, set domains[0].zone to example.com, too"),
        ({"domains": [{"name": "nodots"}]}, 'domains.0.name: "nodots": Expected a fully qualified name'),
        ({"domains": [{"name": "example.com"}, {"name": "example.com"}]}, "example.com is listed 2 times"),
        ({"domains": [{"name": "example.com", "zone": "example.org"}]}, "does not lie in zone example.org"),
        ({"domains": [{"name": "example.com", "ttl": 30}]}, "domains.0.ttl: 30: "),
        ({"domains": [{"name": "example.com", "dmarc": {"policy": "block"}}]}, 'domains.0.dmarc.policy: "block": '),
        ({"adminCidrs": ["198.51.100.7/24"]}, 'adminCidrs.0: "198.51.100.7/24": Expected a network'),
        ({"adminCidrs": "198.51.100.7/32"}, "Expected a list. Set it with: pulumi config set --path 'adminCidrs[0]' …"),
        ({"adminCidrs": ["::/0"]}, "opens SSH to the whole world in a protected stack"),
        ({"adminCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, "opens SSH to the whole world in a protected stack"),
        ({"adminCidrs": ["0.0.0.0/2", "64.0.0.0/2", "198.51.100.7/32"]}, "opens SSH to the whole world"),
        ({"adminCidrs": ["198.51.100.7/32", "2000::/4", "3000::/4"]}, "opens SSH to the whole world"),
        ({"adminCidrs": ["2001:db8::/48"]}, "has IPv6 networks only, but this program"),
        ({"reverseProxyCidrs": ["2001:db8::1%eth0/128"]}, "Expected a network in CIDR form (2001:db8::1%eth0"),
        ({"adminCidrs": ["192.168.1.0/24"]}, "from 192.168.1.0/24 (private) nobody reaches a server on the Internet"),
        ({"adminCidrs": ["198.51.100.7/32", "10.1.2.3/32"]}, "from 10.1.2.3/32 (private) nobody"),
        ({"adminCidrs": ["100.64.0.0/10"]}, "shared by a provider's customers"),
        ({"adminCidrs": ["127.0.0.1/32"]}, "from 127.0.0.1/32 (loopback) nobody"),
        ({"adminCidrs": ["169.254.1.0/24"]}, "(link-local) nobody"),
        ({"adminCidrs": ["198.51.100.7/32", "fd00::/8"]}, "from fd00::/8 (private) nobody"),
        ({"adminCidrs": ["198.51.100.7/32", "fe80::/64"]}, "from fe80::/64 (link-local) nobody"),
        ({"adminCidrs": ["198.51.100.7/32", "::1/128"]}, "from ::1/128 (loopback) nobody"),
        ({"adminCidrs": ["198.51.100.7/32", "::ffff:192.0.2.0/120"]}, "(reserved) nobody"),
        ({"sshHostKey": LOGIN_KEY}, "sshHostKey: is the same key as sshPrivateKey"),
        ({**NONE, "reverseProxyCidrs": ["127.0.0.1/32"]}, "127.0.0.1/32 is the server itself"),
        ({**NONE, "https": "false", "reverseProxyCidrs": ["0.0.0.0/0", "::/0"]}, "whole world in, while https is off"),
        ({**NONE, "https": "false", "reverseProxyCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, "lets the whole world in"),
        ({**NONE, "https": "false", "protect": "false", "reverseProxyCidrs": ["::/0"]}, "lets the whole world in"),
        ({"posteImage": "analogic/poste.io"}, "Expected an image with tag and digest"),
        ({"posteImage": "analogic/poste.io:2.5.11"}, "has no digest"),
        ({"posteImage": "https://hub.docker.com/r/analogic/poste.io:2"}, "Expected an image with tag and digest"),
        ({"posteImage": "analogic/../poste.io:2.5.11"}, "Expected an image with tag and digest"),
        ({"posteImage": "-v/poste.io:2.5.11"}, "Expected an image with tag and digest"),
        ({"posteImage": f"analogic/poste.io@sha256:{'a' * 64}"}, "Expected an image with tag and digest"),
        ({"posteImage": f"analogic/poste.io:2.5.11@sha256:{'A' * 64}"}, "Expected an image with tag and digest"),
        ({"serverImage": "fedora-42"}, 'serverImage: "fedora-42": Expected an image of Hetzner\'s with apt and Python'),
        ({"serverImage": "debian-11"}, "debian-12, ubuntu-24.04 or newer"),
        ({"serverImage": "ubuntu-22.04"}, "debian-12, ubuntu-24.04 or newer"),
        ({"serverImage": "Debian 13"}, "for example debian-13"),
        ({"serverType": "small"}, 'serverType: "small": Expected a server type of Hetzner\'s, for example cx23'),
        ({"location": "Nuremberg"}, "Expected a location of Hetzner's: fsn1"),
        ({"ownerId": "prod"}, 'ownerId: "prod": '),
        ({"unprotected": ["mail"]}, 'unprotected.0: "mail": '),
        ({"serverRevision": "-1"}, 'serverRevision: "-1": '),
        ({"formerMailHosts": ["mx"]}, 'formerMailHosts.0: "mx": Expected a fully qualified name'),
        ({"timeZone": "Mars/Base"}, 'timeZone: "Mars/Base": Expected a name from the time zone database'),
        ({"networkMode": "none"}, 'networkMode: "none": '),
        ({"volumeSize": "5"}, 'volumeSize: "5": Expected greater than or equal to 10, for example 20'),
        ({"volumeSize": "20 GB"}, 'volumeSize: "20 GB": Expected a valid integer'),
        ({"protect": "perhaps"}, 'protect: "perhaps": Expected a valid boolean'),
        ({"optionalPorts": [25]}, "25 cannot be chosen"),
        ({**NONE, "https": "false"}, "https: \"false\": is off with nothing in front"),
        ({**NONE, "httpPort": "25"}, "25 is the port of smtp"),
        ({**NONE, "httpPort": "443"}, "443 is httpPort too"),
        ({**NONE, "httpPort": "22"}, "22 is the port of SSH"),
        ({**NONE, "httpPort": "6379"}, "6379 is the port of one of Poste's own parts"),
        ({"httpsPort": "11334"}, "11334 is the port of one of Poste's own parts"),
        ({**NONE, "httpPort": "110", "optionalPorts": [4190]}, "110 is the port of pop3"),
        ({**NONE, "httpPort": "9200", "elasticsearch": "127.0.0.1:9200"}, "9200 is the port of Elasticsearch"),
        ({"elasticsearch": "localhost:9200", "networkMode": "bridge"}, "localhost is the container itself"),
        ({"elasticsearch": "http://search:9200"}, "Expected a host and a port"),
        ({"elasticsearch": "10.0.0.256:9200"}, "Expected a host and a port"),
        ({"elasticsearch": "[10.0.0.5]:9200"}, "Expected a host and a port"),
        ({"elasticsearch": "...:9200"}, "Expected a host and a port"),
        ({"elasticsearch": "search"}, 'elasticsearch: "search": Expected a host and a port'),
        ({"locaton": "nbg1"}, "locaton: is no setting of this program. Did you mean location?"),
        ({"mailHost": None}, "mailHost: is missing. Expected the mail server's own name, for example mail.example.com"),
        ({"mailHost": ""}, "mailHost: is missing."),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_would_be_right(changes: dict[str, Any], sentence: str) -> None:
    text = message(**changes)
    assert text.startswith("Configuration of stack prod: 1 mistake in Pulumi.prod.yaml\n")
    assert sentence in text


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("Short-1a", "at least 10 characters"),
        ("alllower-123", "an upper-case letter"),
        ("ALLUPPER-123", "a lower-case letter"),
        ("NoDigits-here", "a digit"),
        ("NoSpecial1234", "a special character"),
        ("Grüße-aus-Köln-26", "not every mail program can send"),
        ("Blank-at-end-1 ", "blanks at its ends"),
        (" Blank-ahead-1", "blanks at its ends"),
        ("Tab\tinside-12", "not every mail program can send"),
        ("Line\ninside-12", "not every mail program can send"),
        ("Null\x00inside-12", "not every mail program can send"),
        ("Fullwidth-\uff11-2", "not every mail program can send"),
    ],
)
def test_a_weak_password_is_refused_and_never_shown(password: str, lacks: str) -> None:
    text = message(adminPassword=password)
    assert lacks in text
    assert password not in text


@pytest.mark.parametrize("key", ["sshPrivateKey", "sshHostKey"])
def test_a_broken_key_is_refused_and_never_shown(key: str) -> None:
    broken = LOGIN_KEY.replace("\n", "X", 3)
    text = message(**{key: broken})
    assert f"{key}: Expected an OpenSSH private key without a passphrase" in text
    assert broken[40:80] not in text


@pytest.mark.parametrize("stack", ["prod_eu", "prod..eu", "mail-", "prod.", "-prod", "p" * 48])
def test_a_stack_name_that_hetzner_would_refuse_ends_before_anything_is_made(stack: str) -> None:
    runtime_settings.configure(runtime_settings.Settings(project="poste-mail", stack=stack))
    text = message()
    assert f'  stack: "{stack}": ' in text
    assert f"pulumi stack rename NAME --stack {stack}" in text


@pytest.mark.parametrize("stack", ["prod", "Prod-2", "prod.eu", "1", "p" * 47])
def test_a_stack_name_that_makes_a_host_name_is_accepted(stack: str) -> None:
    runtime_settings.configure(runtime_settings.Settings(project="poste-mail", stack=stack))
    configure()
    assert load_settings().mail_host == "mail.example.com"


@pytest.mark.parametrize(
    ("key", "written", "read"),
    [
        ("mailHost", "Mail.Example.com.", "mail.example.com"),
        ("adminAddress", "Admin@Example.com.", "admin@example.com"),
        ("adminCidrs", ["198.51.100.7"], ("198.51.100.7/32",)),
        ("adminCidrs", ["198.51.100.0/25", "198.51.100.7/32", "198.51.100.0/25"], ("198.51.100.0/25",)),
        ("adminCidrs", ["2001:DB8::/64", "198.51.100.7/32"], ("198.51.100.7/32", "2001:db8::/64")),
        ("posteImage", f"127.0.0.1:5000/analogic/poste.io:2@sha256:{'a' * 64}", None),
        ("serverImage", "ubuntu-24.04", None),
        ("serverImage", "debian-12", None),
        ("elasticsearch", "[2001:db8::5]:9200", None),
        ("adminPassword", "Guide rule 10!", None),
        ("formerMailHosts", ["MX.example.com."], ("mx.example.com",)),
    ],
)
def test_what_is_right_in_an_unusual_form_is_kept_in_the_usual_one(key: str, written: Any, read: Any) -> None:
    configure(**{key: written})
    found = load_settings().model_dump(by_alias=True)[key]
    assert (found.get_secret_value() if key == "adminPassword" else found) == (written if read is None else read)


def test_networks_of_a_proxy_may_be_private() -> None:
    configure(reverseProxyCidrs=["10.0.0.0/8"], certificate="none")
    assert load_settings().reverse_proxy_cidrs == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("written", "directory", "reason"),
    [
        ("letsencrypt", AUTHORITIES["letsencrypt"], ""),
        ("LETSENCRYPT", AUTHORITIES["letsencrypt"], ""),
        (" Staging ", AUTHORITIES["staging"], ""),
        ("none, since ours is put there by hand", None, "since ours is put there by hand"),
        ("None, because of a proxy.", None, "because of a proxy."),
        ("none: x", None, "x"),
        ("NONE - by hand", None, "by hand"),
        ("none (by hand)", None, "by hand"),
        ("none because x", None, "because x"),
    ],
)
def test_the_certificates_authority_may_be_written_in_several_ways(
    written: str, directory: str | None, reason: str
) -> None:
    configure(certificate=written)
    settings = load_settings()
    assert (settings.acme_directory, settings.no_certificate_because) == (directory, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate": "none", "reverseProxyCidrs": ["198.51.100.9/32"]},
        {"certificate": "none", "reverseProxyCidrs": ["198.51.100.9/32"], "https": "false"},
        {"certificate": "letsencrypt", "reverseProxyCidrs": ["0.0.0.0/0", "::/0"]},
        {"certificate": "letsencrypt", "certificateEmail": "Admin@Example.com"},
        {"acmeServer": DIRECTORY},
        {"acmeServer": "https://[2001:db8::5]:14000/dir?x=1"},
        {"acmeServer": DIRECTORY, "acmeKeyId": "kid-1", "acmeHmacKey": HMAC},
    ],
)
def test_each_way_to_a_certificate_or_to_none_is_accepted(changes: dict[str, Any]) -> None:
    configure(**changes)
    assert load_settings()


def test_another_authority_takes_lets_encrypts_place() -> None:
    configure(acmeServer=DIRECTORY, formerMailHosts=["mx.example.com"])
    assert load_settings().acme_directory == DIRECTORY
    assert load_settings().certificate_names == ["mail.example.com", "mx.example.com"]


def test_the_hmac_key_is_kept_as_base64url_without_padding() -> None:
    configure(acmeServer=DIRECTORY, acmeKeyId="kid-1", acmeHmacKey="++++////MTIzNDU2Nzg5MA==")
    key = load_settings().acme_hmac_key
    assert key
    assert key.get_secret_value() == "----____MTIzNDU2Nzg5MA"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"certificate": "zerossl"}, 'certificate: "zerossl": Expected letsencrypt, staging'),
        ({"certificate": "letsencrypt, please"}, "Expected letsencrypt, staging"),
        ({"certificate": "nonesuch"}, "Expected letsencrypt, staging"),
        ({"certificate": "none"}, "leaves clients with a certificate that none of them trusts. Expected the reason"),
        ({"certificate": "none, "}, "or none with the reason behind it"),
        ({"https": "false", "reverseProxyCidrs": ["198.51.100.9/32"]}, "https is off, so another machine answers"),
        ({"reverseProxyCidrs": ["198.51.100.9/32"]}, "reverseProxyCidrs opens it to the proxy only"),
        ({"httpPort": "8080"}, "and httpPort is 8080. Expected none, or that port open"),
        ({"certificate": "staging", "httpPort": "8080"}, "and httpPort is 8080"),
        ({"certificate": "staging", "acmeServer": DIRECTORY}, "is another authority than certificate says"),
        ({"certificateEmail": "a@example.com", **NONE}, "is for a certificate, and certificate is none"),
        ({"acmeServer": DIRECTORY, **NONE}, "is for a certificate, and certificate is none"),
        ({"acmeServer": DIRECTORY, "acmeKeyId": "kid-12345"}, "acmeHmacKey: is missing beside acmeKeyId"),
        ({"acmeServer": DIRECTORY, "acmeHmacKey": HMAC}, "acmeKeyId: is missing beside acmeHmacKey"),
        ({"acmeKeyId": "kid-12345", "acmeHmacKey": HMAC}, "acmeServer: is missing: Let's Encrypt has no account"),
        ({"certificateEmail": "admin"}, "Expected an e-mail address"),
        ({"acmeServer": "http://acme.example.net/directory"}, "Expected the directory of an ACME authority"),
        ({"acmeServer": "acme.example.net"}, "Expected the directory of an ACME authority"),
        ({"acmeServer": "https://acme.example.net:70000/directory"}, "Expected the directory of an ACME authority"),
        ({"acmeServer": "https://a@acme.example.net/directory"}, "Expected the directory of an ACME authority"),
    ],
)
def test_a_mistake_about_the_certificate_is_named_with_what_would_be_right(
    changes: dict[str, Any], sentence: str
) -> None:
    text = message(**changes)
    assert text.startswith("Configuration of stack prod: 1 mistake in Pulumi.prod.yaml\n")
    assert sentence in text
    assert "kid-12345" not in text
    assert HMAC not in text


@pytest.mark.parametrize(
    ("key", "value"),
    [("acmeKeyId", "kid 12345"), ("acmeHmacKey", "short-12345"), ("acmeHmacKey", "not!base64!at!all!12345")],
)
def test_a_broken_account_binding_is_refused_and_never_shown(key: str, value: str) -> None:
    text = message(**{"acmeServer": DIRECTORY, "acmeKeyId": "kid-12345", "acmeHmacKey": HMAC, key: value})
    assert f"{key}: Expected the " in text
    assert value not in text


@pytest.mark.parametrize("key", ["acmeKeyId", "acmeHmacKey"])
def test_an_account_binding_in_plain_text_is_a_mistake(key: str) -> None:
    binding = {"acmeServer": DIRECTORY, "acmeKeyId": "kid-12345", "acmeHmacKey": HMAC}
    configure(secrets=tuple(name for name in SECRETS if name != key), **binding)
    with pytest.raises(pulumi.RunError, match=f"{key}: is stored in plain text") as caught:
        load_settings()
    assert binding[key] not in str(caught.value)


def test_a_trailing_dot_of_a_domain_and_of_its_zone_makes_no_difference() -> None:
    configure(domains=[{"name": "Example.com.", "zone": "example.COM."}])
    assert load_settings().domains == (MailDomainSettings(name="example.com", zone="example.com"),)


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, "", " ", "null", "~", "1e3", "0x10", "NaN", "--", "$(id)", "'", '"', "\x00", "é",
    "\x1b[31m", "x" * 5000, "[", "{", "[]", "{}", "[null]", "[NaN]", "[Infinity]", "[" * 5000, f"[{'9' * 5000}]",
    '["\\ud800"]', [], {}, [None], [[]], [{}], {"a": {}}, [True], [1], [""], ["\ud800"], {"name": "example.com"},
    [{"name": None}],
    *([{"name": "example.com", key: value}] for key, value in [
        ("dmarc", []), ("dmarc", None), ("dmarc", {"rua": "a@example.com"}), ("zone", ""), ("zone", None),
        ("zoneId", 7), ("ttl", True), ("ttl", "1h"), ("mxPriority", None), ("spf", 0), ("", ""),
        ("name", ["example.com"]),
    ]),
    [{"name": "example.com"}, "example.org"],
)  # fmt: skip


def taken_or_told(odd: Any) -> None:
    """The configuration is accepted, or refused in sentences that can be printed."""
    try:
        load_settings()
    except pulumi.RunError as error:
        text = str(error)
        assert text.startswith("Configuration of stack prod: "), odd
        lines = text.encode().decode().splitlines()[1:]
        assert all(re.fullmatch(r"  [\w.-]+: ?.{10,400}[.?…]", line) for line in lines), text


def aliases(model: type[BaseModel]) -> list[str]:
    return sorted(str(field.alias) for field in model.model_fields.values())


@pytest.mark.parametrize("key", aliases(Settings))
def test_a_value_of_any_shape_is_taken_or_ends_in_sentences(key: str) -> None:
    for odd in ODD:
        configure(**{key: odd})
        taken_or_told(odd)


@pytest.mark.parametrize("key", aliases(MailDomainSettings))
def test_a_value_of_any_shape_in_a_domain_is_taken_or_ends_in_sentences(key: str) -> None:
    for odd in ODD:
        configure(domains=[{"name": "example.com", key: odd}])
        taken_or_told(odd)


@pytest.mark.parametrize("key", aliases(Dmarc))
def test_a_value_of_any_shape_in_a_dmarc_policy_is_taken_or_ends_in_sentences(key: str) -> None:
    for odd in ODD:
        configure(domains=[{"name": "example.com", "dmarc": {key: odd}}])
        taken_or_told(odd)


def test_an_rsa_host_key_which_the_connections_could_not_check_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    assert "sshHostKey: Expected a key of another kind than RSA" in message(sshHostKey=text)


@pytest.mark.parametrize(
    ("key", "table", "entry"),
    [
        ("relay", RELAY | {"password": "Geheim"}, "relay.password"),
        ("heartbeat", {"url": "http://hc-ping.com/Geheim"}, "heartbeat.url"),
    ],
)
def test_a_secret_entry_of_a_table_in_plain_text_is_a_mistake(key: str, table: dict[str, Any], entry: str) -> None:
    text = message(**{key: table})
    assert f"{entry}: is stored in plain text. Set it with: pulumi config set --secret --path {entry}" in text
    assert "Geheim" not in text


@pytest.mark.parametrize("key", ["relay", "heartbeat"])
@pytest.mark.parametrize("value", ["https://hc-ping.com/Geheim", ["Geheim"]])
def test_what_stands_in_the_place_of_a_table_with_secrets_is_not_shown(key: str, value: Any) -> None:
    text = message(**{key: value})
    assert f"  {key}: Expected settings by name, of " in text
    assert "Geheim" not in text


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("relay.password", "pulumi config set --secret --path 'relay.password'"),
        ("heartbeat.url", "pulumi config set --secret --path 'heartbeat.url'"),
        ("relay.host", "pulumi config set --path 'relay.host'"),
        ("watch.queueLength", "pulumi config set --path 'watch.queueLength'"),
        ("relay.senders[0]", "pulumi config set --path 'relay.senders[0]'"),
    ],
)
def test_who_forgot_path_is_told_how_to_set_an_entry_of_a_table(key: str, right: str) -> None:
    text = message(**{key: "Geheim"})
    assert f"  {key}: is a part of a setting. Set it with: {right}, after: pulumi config rm '{key}'." in text
    assert "Geheim" not in text


def test_how_to_set_a_list_is_told_of_one_deep_in_the_settings_too() -> None:
    text = message(relay=RELAY | {"senders": "include:spf.relay.example"})
    assert "Expected a list. Set it with: pulumi config set --path 'relay.senders[0]' …" in text


def test_all_mistakes_are_told_at_once() -> None:
    text = message(mailHost="mail", adminPassword=None, volumeSize="5", timeZone="Mars/Base")
    assert "4 mistakes" in text
    assert all(f"  {key}:" in text for key in ("mailHost", "adminPassword", "volumeSize", "timeZone"))


def test_no_passwords_of_mailboxes_are_no_secret_in_plain_text_and_one_is() -> None:
    not_passwords = tuple(key for key in SECRETS if key != "passwords")
    configure(secrets=not_passwords, passwords={})
    assert load_settings().passwords == {}
    configure(secrets=not_passwords, passwords={"ann@example.com": PASSWORD})
    with pytest.raises(pulumi.RunError, match="passwords: is stored in plain text") as caught:
        load_settings()
    assert PASSWORD not in str(caught.value)


def test_a_secret_in_plain_text_is_a_mistake() -> None:
    configure(secrets=("sshPrivateKey", "sshHostKey"))
    with pytest.raises(pulumi.RunError, match="adminPassword: is stored in plain text") as caught:
        load_settings()
    assert PASSWORD not in str(caught.value)


def test_a_value_that_is_kept_as_a_secret_is_not_shown_whatever_its_key() -> None:
    configure(secrets=(*SECRETS, "mailHost"), mailHost="not-a-name")
    with pytest.raises(pulumi.RunError, match="mailHost: Expected a fully qualified name") as caught:
        load_settings()
    assert "not-a-name" not in str(caught.value)


@pytest.fixture
def public_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "sandbox")


@pytest.mark.parametrize(
    "endpoints",
    [
        {},
        {"hcloud:endpoint": "http://127.0.0.1:47001/v1"},
        {"cloudflare:baseUrl": "http://127.0.0.1:47002/client/v4"},
        {"hcloud:endpoint": "https://api.hetzner.cloud/v1", "cloudflare:baseUrl": "http://127.0.0.1:47002/client/v4"},
        {"hcloud:endpoint": "http://127.0.0.1.example/v1", "cloudflare:baseUrl": "http://127.0.0.1:47002/client/v4"},
    ],
)
def test_a_stack_on_real_clouds_is_refused_while_the_published_passphrase_is_in_use(
    public_passphrase: None, endpoints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    for key, value in endpoints.items():
        runtime.set_config(key, value)
    with pytest.raises(pulumi.RunError, match="is the sandbox's, which everybody knows, but stack prod"):
        load_settings()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "my own")
    assert load_settings().protect


def test_the_sandbox_may_use_the_published_passphrase(public_passphrase: None) -> None:
    configure()
    runtime.set_config("hcloud:endpoint", "http://127.0.0.1:47001/v1")
    runtime.set_config("cloudflare:baseUrl", "http://127.0.0.1:47002/client/v4")
    assert load_settings().protect


def test_the_published_passphrase_is_known_in_a_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "passphrase").write_text("sandbox\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    configure()
    with pytest.raises(pulumi.RunError, match="which everybody knows"):
        load_settings()


def test_settings_never_show_their_secrets() -> None:
    configure()
    text = repr(load_settings())
    assert PASSWORD not in text
    assert LOGIN_KEY[60:100] not in text
    assert HOST_KEY[60:100] not in text


def test_an_unprotected_stack_may_run_an_image_by_tag() -> None:
    configure(protect="false", posteImage="analogic/poste.io:2.5.11")
    assert load_settings().poste_image == "analogic/poste.io:2.5.11"
    configure(posteImage=IMAGE)
    assert load_settings().poste_image == IMAGE


def test_a_part_is_protected_unless_it_or_all_of_the_stack_is_not() -> None:
    configure(unprotected=["server"])
    assert [load_settings().protects(part) for part in ("server", "records", "addresses", "volume")] == [
        False, True, True, True,
    ]  # fmt: skip
    configure(protect="false")
    assert not load_settings().protects("volume")


def test_a_stack_without_an_owner_id_is_told_from_others_by_its_host_key() -> None:
    configure()
    mine = load_settings().owner
    configure(sshHostKey=LOGIN_KEY, sshPrivateKey=HOST_KEY)
    assert re.fullmatch("[0-9a-f]{16}", mine)
    assert load_settings().owner != mine
    configure(ownerId="0123456789abcdef")
    assert load_settings().owner == "0123456789abcdef"


def test_pulumi_yaml_documents_each_key_with_its_default() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    fields = {field.alias: field for field in Settings.model_fields.values()}
    assert set(declared) == set(fields)
    for key, field in fields.items():
        assert declared[key]["description"], key
        default: Any = {"array": [], "object": {}}.get(declared[key]["type"], "")
        if not field.is_required() and field.default not in (None, ()):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            # Those of a table stand in its description.
            default = {} if isinstance(default, BaseModel) else default
        assert declared[key]["default"] == default, key


def test_each_required_key_has_a_sentence_for_its_absence() -> None:
    required = {str(field.alias) for field in Settings.model_fields.values() if field.is_required()}
    assert required == set(MISSING)
