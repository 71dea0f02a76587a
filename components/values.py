"""Types of the values a stack is configured with; each refuses a wrong value with what would be right, by example."""

import ipaddress
import re
from typing import Annotated
from zoneinfo import available_timezones

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from pydantic import AfterValidator, SecretStr

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
IMAGE = re.compile(
    r"(?P<name>([a-z0-9.-]+(:\d+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
PASSWORD_LENGTH = 10
PASSWORD_CLASSES = {"a lower-case letter": r"[a-z]", "an upper-case letter": r"[A-Z]", "a digit": r"[0-9]"}


def is_within(name: str, domain: str) -> bool:
    """Whether a host or domain name is the domain itself or below it."""
    return name == domain or name.endswith(f".{domain}")


def password_lacks(password: str) -> list[str]:
    """What the guide's password rule misses in a password; empty if it holds.

    The rule: at least 10 characters, among them lower and upper case letters, digits and special characters.
    """
    lacks = [what for what, pattern in PASSWORD_CLASSES.items() if not re.search(pattern, password)]
    if not re.search(r"[^A-Za-z0-9\s]", password):
        lacks.append("a special character")
    if len(password) < PASSWORD_LENGTH:
        lacks.insert(0, f"at least {PASSWORD_LENGTH} characters")
    return lacks


def ssh_public_key(private_key: str) -> str:
    """The public half of an OpenSSH private key without a passphrase, as in authorized_keys; ValueError if none."""
    try:
        key = load_ssh_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(
            'Expected an OpenSSH private key without a passphrase, made for example by: ssh-keygen -t ed25519 -N ""'
        ) from error
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _fqdn(value: str) -> str:
    name = value.lower().rstrip(".")
    if len(name) > 253 or not re.fullmatch(rf"{LABEL}(\.{LABEL})+", name) or name.rsplit(".", 1)[1].isdigit():
        raise ValueError(
            "Expected a fully qualified name (international names in their xn-- form), for example mail.example.com"
        )
    return name


def _email_address(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", local) or ".." in local:
        raise ValueError("Expected an e-mail address, for example admin@example.com")
    try:
        return f"{local.lower()}@{_fqdn(domain)}"
    except ValueError:
        raise ValueError("Expected an e-mail address, for example admin@example.com") from None


def _cidr(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(
            f"Expected a network in CIDR form ({error}), for example 198.51.100.7/32 or 2001:db8::/64"
        ) from None


def _image(value: str) -> str:
    match = IMAGE.fullmatch(value)
    if not match or not match["tag"]:
        raise ValueError(
            "Expected an image with tag and digest, for example analogic/poste.io:2.5.11@sha256:<64 hex digits>"
        )
    return value


def _host_port(value: str) -> str:
    match = HOST_PORT.fullmatch(value)
    if not match or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("Expected a host and a port, for example 10.0.0.5:9200")
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("Expected a name from the time zone database, for example Europe/Berlin or UTC")
    return value


def _password(value: SecretStr) -> SecretStr:
    lacks = password_lacks(value.get_secret_value())
    if lacks:
        raise ValueError(
            f"Lacks {', '.join(lacks)}. Expected {PASSWORD_LENGTH} characters or more, with lower and upper case "
            "letters, digits and special characters"
        )
    return value


def _ssh_host_key(value: SecretStr) -> SecretStr:
    # The command provider knows of an RSA key only its old SHA-1 signature, which sshd no longer gives.
    if ssh_public_key(value.get_secret_value()).startswith("ssh-rsa "):
        raise ValueError('Expected a key of another kind than RSA, made for example by: ssh-keygen -t ed25519 -N ""')
    return value


def _ssh_private_key(value: SecretStr) -> SecretStr:
    # `pulumi config set` drops the last newline, without which sshd and ssh take the file for no key.
    text = value.get_secret_value().replace("\r\n", "\n").strip() + "\n"
    ssh_public_key(text)
    return SecretStr(text)


Fqdn = Annotated[str, AfterValidator(_fqdn)]
"""A name such as mail.example.com, kept in lower case without the trailing dot."""
EmailAddress = Annotated[str, AfterValidator(_email_address)]
"""A mailbox such as admin@example.com, kept in lower case."""
Cidr = Annotated[str, AfterValidator(_cidr)]
"""An IPv4 or IPv6 network without host bits."""
ImageReference = Annotated[str, AfterValidator(_image)]
"""A container image with its tag and, where the stack is protected, its digest."""
HostPort = Annotated[str, AfterValidator(_host_port)]
"""A host or address with a TCP port."""
TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""A name from the IANA time zone database."""
Password = Annotated[SecretStr, AfterValidator(_password)]
"""A secret that keeps the guide's password rule."""
SshPrivateKey = Annotated[SecretStr, AfterValidator(_ssh_private_key)]
"""An OpenSSH private key without a passphrase."""
SshHostKey = Annotated[SshPrivateKey, AfterValidator(_ssh_host_key)]
"""An OpenSSH private key with which a server can prove itself."""
