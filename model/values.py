"""Types of the values a stack is configured with; each refuses a wrong value with what would be right, by example."""

import functools
import ipaddress
import re
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, SecretStr

from model.ssh_keys import canonical_ssh_key, ssh_public_key

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST_PORT = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})")
# The grammar of image references of the Open Container Initiative's distribution project.
REGISTRY = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?"
PATH_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?P<name>({REGISTRY}/)?{PATH_PART}(/{PATH_PART})*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
SYSTEM = re.compile(r"(?P<name>debian|ubuntu)-(?P<version>[0-9]{1,2}(\.[0-9]{2})?)")
OLDEST_SYSTEM = {"debian": 12.0, "ubuntu": 24.04}
"""The first releases with Python 3.11 or later, which the scripts on the server are written in."""
CERTIFICATE = re.compile(r"(?P<choice>letsencrypt|staging|none)(?:\b[\s:,;.()-]*(?P<reason>\w.*?)\)?)?", re.IGNORECASE)
"""Who signs the certificate; behind `none`, why nobody does."""
HTTPS_URL = re.compile(
    r"https://(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9.-]+))(?::(?P<port>[0-9]{1,5}))?(?:/[!$-;=?-Z_a-z~%&]*)?"
)
HOST_NAME_LENGTH = 64
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


NAME_EXPECTED = "a fully qualified name (international names in their xn-- form), for example mail.example.com"


def fqdn(value: str, expected: str = NAME_EXPECTED) -> str:
    """A name in lower case without the trailing dot. Raises ValueError with what was expected."""
    name = value.lower().removesuffix(".")
    if len(name) > 253 or not re.fullmatch(rf"{LABEL}(\.{LABEL})+", name) or name.rsplit(".", 1)[1].isdigit():
        raise ValueError(f"Expected {expected}")
    return name


def _host_name(value: str) -> str:
    if len(value) > HOST_NAME_LENGTH:
        raise ValueError(
            f"Has {len(value)} characters; a host's name (Linux) and the common name of its certificate (RFC 5280, "
            f"appendix A.1) have at most {HOST_NAME_LENGTH}. Expected a shorter name, for example mail.example.com"
        )
    return value


def email_address(value: str) -> str:
    """An address in lower case. Raises ValueError with what would be right."""
    local, at, domain = value.rpartition("@")
    # A dot-atom (RFC 5322, section 3.2.3): dots stand between other characters only.
    if not at or len(local) > 64 or not re.fullmatch(rf"{ATEXT}+(\.{ATEXT}+)*", local):
        raise ValueError("Expected an e-mail address, for example admin@example.com")
    try:
        return f"{local.lower()}@{fqdn(domain)}"
    except ValueError:
        raise ValueError("Expected an e-mail address, for example admin@example.com") from None


def _cidr(value: str) -> str:
    try:
        if "%" in value:
            raise ValueError(f"{value} names an interface")
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
    if not match or not 1 <= int(match["port"]) <= 65535 or not _is_host(match["host"], match["six"]):
        raise ValueError("Expected a host and a port, for example 10.0.0.5:9200")
    return value


def _is_host(name: str | None, six: str | None) -> bool:
    if six or (name and re.fullmatch(r"[0-9.]+", name)):
        try:
            return ipaddress.ip_address(six or name or "").version == (6 if six else 4)
        except ValueError:
            return False
    return re.fullmatch(rf"{LABEL}(\.{LABEL})*", (name or "").lower()) is not None


def split_host_port(value: str) -> tuple[str, int]:
    """The host, without brackets, and the port of a HostPort."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def _system_image(value: str) -> str:
    match = SYSTEM.fullmatch(value)
    if not match or float(match["version"]) < OLDEST_SYSTEM[match["name"]]:
        raise ValueError(
            "Expected an image of Hetzner's with apt and Python 3.11 or later: debian-12, ubuntu-24.04 or newer, "
            "for example debian-13"
        )
    return value


def _server_type(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,5}[0-9]{1,3}", value):
        raise ValueError("Expected a server type of Hetzner's, for example cx23")
    return value


def _location(value: str) -> str:
    if not re.fullmatch(r"[a-z]{3}[0-9]?", value):
        raise ValueError("Expected a location of Hetzner's: fsn1, nbg1, hel1, ash, hil or sin")
    return value


def _owner_id(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", value):
        raise ValueError("Expected 16 hexadecimal digits, made for example by: openssl rand -hex 8")
    return value


def _certificate(value: str) -> str:
    """The word in small letters, then what was written behind it."""
    match = CERTIFICATE.fullmatch(value.strip())
    choice, reason = (match["choice"].lower(), match["reason"] or "") if match else ("", "")
    if not match or (reason and choice != "none"):
        raise ValueError(
            "Expected letsencrypt, staging (certificates for trials, which no client trusts), or none with the reason "
            "behind it, for example: none, since ours is put there by hand"
        )
    return f"none, {reason}" if reason else choice


def https_url(value: str, expected: str = "an https address, for example https://alerts.example.net/topic") -> str:
    """An address whose scheme, host and port are right. Raises ValueError with what was expected."""
    match = HTTPS_URL.fullmatch(value)
    if not match or not _is_host(match["host"], match["six"]) or not 1 <= int(match["port"] or 443) <= 65535:
        raise ValueError(f"Expected {expected}")
    return value


def _acme_server(value: str) -> str:
    return https_url(
        value,
        "the directory of an ACME authority (RFC 8555, section 7.1.1), which has an https address, for "
        "example https://acme.example.net/directory",
    )


def _acme_key_id(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("Expected the key identifier that the authority gave you, without blanks")
    return value


def _acme_hmac_key(value: SecretStr) -> SecretStr:
    # Authorities show it in either alphabet of base64 (RFC 4648); ACME's is the one for URLs, without padding.
    key = value.get_secret_value().translate(str.maketrans("+/", "-_")).rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", key) or len(key) % 4 == 1:
        raise ValueError("Expected the HMAC key that the authority gave you, which is base64url (RFC 8555, 7.3.4)")
    return SecretStr(key)


_time_zones = functools.cache(available_timezones)
"""Read once, since it looks through hundreds of files."""


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError("Expected a name from the time zone database, for example Europe/Berlin or UTC")
    return value


def _password(value: SecretStr) -> SecretStr:
    lacks = password_lacks(value.get_secret_value())
    if lacks:
        raise ValueError(
            f"Lacks {', '.join(lacks)}. Expected {PASSWORD_LENGTH} characters or more, with lower and upper case "
            "letters, digits and special characters"
        )
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value.get_secret_value()):
        # IMAP's quoted strings hold ASCII only (RFC 9051, section 4.3), and programs differ in how they encode and
        # normalise the rest (SASLprep, RFC 4013): such a password works in one program and not in the next.
        raise ValueError(
            "Holds a character that not every mail program can send, or blanks at its ends. Expected printable ASCII "
            "characters only: letters without accents, digits and specials"
        )
    return value


def _ssh_host_key(value: SecretStr) -> SecretStr:
    # The command provider knows of an RSA key only its old SHA-1 signature, which sshd no longer gives.
    if ssh_public_key(value.get_secret_value()).startswith("ssh-rsa "):
        raise ValueError('Expected a key of another kind than RSA, made for example by: ssh-keygen -t ed25519 -N ""')
    return value


def _ssh_private_key(value: SecretStr) -> SecretStr:
    return SecretStr(canonical_ssh_key(value.get_secret_value()))


Fqdn = Annotated[str, AfterValidator(fqdn)]
"""A name such as mail.example.com, kept in lower case without the trailing dot."""
HostName = Annotated[Fqdn, AfterValidator(_host_name)]
"""The name that a host calls itself, and its certificate."""
EmailAddress = Annotated[str, AfterValidator(email_address)]
"""A mailbox such as admin@example.com, kept in lower case."""
Cidr = Annotated[str, AfterValidator(_cidr)]
"""An IPv4 or IPv6 network without host bits."""
ImageReference = Annotated[str, AfterValidator(_image)]
"""A container image with its tag and, where the stack is protected, its digest."""
HostPort = Annotated[str, AfterValidator(_host_port)]
"""A host or address with a TCP port."""
SystemImage = Annotated[str, AfterValidator(_system_image)]
"""A system image of Hetzner's that the program knows how to set up."""
ServerType = Annotated[str, AfterValidator(_server_type)]
"""The name of a server type of Hetzner's."""
Location = Annotated[str, AfterValidator(_location)]
"""The name of a location of Hetzner's."""
OwnerId = Annotated[str, AfterValidator(_owner_id)]
"""What marks a stack's DNS records as its own."""
CertificateChoice = Annotated[str, AfterValidator(_certificate)]
"""Who signs the mail host's certificate: letsencrypt, staging or none; `none` may have a reason behind a comma."""
AcmeServer = Annotated[str, AfterValidator(_acme_server)]
"""The address of an ACME authority's directory (RFC 8555, section 7.1.1)."""
AcmeKeyId = Annotated[SecretStr, AfterValidator(_acme_key_id)]
"""The key identifier of an external account binding (RFC 8555, section 7.3.4)."""
AcmeHmacKey = Annotated[SecretStr, AfterValidator(_acme_hmac_key)]
"""The key of an external account binding, as base64url without padding."""
TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""A name from the IANA time zone database."""
Password = Annotated[SecretStr, AfterValidator(_password)]
"""A secret that keeps the guide's password rule and that every mail program can send."""
SshPrivateKey = Annotated[SecretStr, AfterValidator(_ssh_private_key)]
"""A private key without a passphrase, in the form in which ssh and sshd read it."""
SshHostKey = Annotated[SshPrivateKey, AfterValidator(_ssh_host_key)]
"""A private key with which a server can prove itself."""
