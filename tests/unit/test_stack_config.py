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

from components.settings import MailDomainSettings, Settings
from components.stack_config import MISSING, SECRETS, load_settings
from tests.unit.examples import HOST_KEY, IMAGE, LOGIN_KEY, PASSWORD, VALUES

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _stack() -> None:
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
    configure(protect="false", volumeSize="40", httpPort="8080")
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
        ({"domains": [{"name": "nodots"}]}, 'domains.0.name: "nodots": Expected a fully qualified name'),
        ({"domains": [{"name": "example.com"}, {"name": "example.com"}]}, "example.com is listed 2 times"),
        ({"domains": [{"name": "example.com", "zone": "example.org"}]}, "does not lie in zone example.org"),
        ({"domains": [{"name": "example.com", "ttl": 30}]}, "domains.0.ttl: 30: "),
        ({"domains": [{"name": "example.com", "dmarc": {"policy": "block"}}]}, 'domains.0.dmarc.policy: "block": '),
        ({"adminCidrs": ["198.51.100.7/24"]}, 'adminCidrs.0: "198.51.100.7/24": Expected a network'),
        ({"adminCidrs": ["::/0"]}, "opens SSH to the whole world in a protected stack"),
        ({"posteImage": "analogic/poste.io"}, "Expected an image with tag and digest"),
        ({"posteImage": "analogic/poste.io:2.5.11"}, "has no digest"),
        ({"ownerId": "prod"}, 'ownerId: "prod": '),
        ({"unprotected": ["mail"]}, 'unprotected.0: "mail": '),
        ({"serverRevision": "-1"}, 'serverRevision: "-1": '),
        ({"formerMailHosts": ["mx"]}, 'formerMailHosts.0: "mx": Expected a fully qualified name'),
        ({"timeZone": "Mars/Base"}, 'timeZone: "Mars/Base": Expected a name from the time zone database'),
        ({"networkMode": "none"}, 'networkMode: "none": '),
        ({"volumeSize": "5"}, 'volumeSize: "5": '),
        ({"optionalPorts": [25]}, "25 cannot be chosen"),
        ({"https": "false"}, "https: \"false\": is off with nothing in front"),
        ({"httpPort": "25"}, "25 is the port of smtp"),
        ({"httpPort": "443"}, "443 is httpPort too"),
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


@pytest.mark.parametrize("text", [LOGIN_KEY.rstrip("\n"), LOGIN_KEY.replace("\n", "\r\n"), f"\n{LOGIN_KEY}\n"])
def test_a_key_that_lost_its_last_newline_on_the_way_gets_it_back(text: str) -> None:
    configure(sshPrivateKey=text)
    assert load_settings().ssh_private_key.get_secret_value() == LOGIN_KEY


def test_an_rsa_host_key_which_the_connections_could_not_check_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    assert "sshHostKey: Expected a key of another kind than RSA" in message(sshHostKey=text)


def test_all_mistakes_are_told_at_once() -> None:
    text = message(mailHost="mail", adminPassword=None, volumeSize="5", timeZone="Mars/Base")
    assert "4 mistakes" in text
    assert all(f"  {key}:" in text for key in ("mailHost", "adminPassword", "volumeSize", "timeZone"))


def test_a_secret_in_plain_text_is_a_mistake() -> None:
    configure(secrets=("sshPrivateKey", "sshHostKey"))
    with pytest.raises(pulumi.RunError, match="adminPassword: is stored in plain text") as caught:
        load_settings()
    assert PASSWORD not in str(caught.value)


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
        default = [] if declared[key]["type"] == "array" else ""
        if not field.is_required() and field.default not in (None, ()):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
        assert declared[key]["default"] == default, key


def test_each_required_key_has_a_sentence_for_its_absence() -> None:
    required = {str(field.alias) for field in Settings.model_fields.values() if field.is_required()}
    assert required == set(MISSING)
