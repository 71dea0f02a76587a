"""SSH private keys: read in whatever shape they come out of a setting, and written as ssh and sshd read them."""

import base64
import hashlib
import re
import textwrap
import warnings

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

EXPECTED = "Expected an OpenSSH private key without a passphrase"
EXAMPLE = 'made for example by: ssh-keygen -t ed25519 -N ""'
SHORTEST_RSA = 2048
"""Bits; shorter ones are refused by Hetzner and count as breakable (NIST SP 800-131A)."""
OPENSSH = "OPENSSH PRIVATE KEY"
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
PUBLIC = re.compile(r"(?:ssh-|ecdsa-sha2-)[a-z0-9-]+ [A-Za-z0-9+/]+=*")
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
CURVES = ("secp256r1", "secp384r1", "secp521r1")
"""The curves of OpenSSH's ecdsa keys (RFC 5656, section 10.1)."""
LINE = 70
"""Characters of a line, as ssh-keygen writes them."""


def canonical_ssh_key(text: str) -> str:
    """The key in the form in which ssh-keygen writes it, and always the same text for the same key.

    On their way through shells, variables and web forms keys lose their newlines, or gain blanks, quotes and text
    around them, and then neither ssh nor sshd reads them. Their base64 says all the same what the key is.
    Raises ValueError, which never shows the key, where there is no key, more than one, or one that cannot be used.
    """
    key = _parse(text)
    container = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    content = bytearray(base64.b64decode("".join(container.splitlines()[1:-1])))
    # Two equal numbers stand before the private half, random ones, by which OpenSSH tells whether it decrypted well.
    # Nothing is encrypted here, and random ones would make of one key another text in each run, that is, a change.
    public = base64.b64decode(_public_line(key).split(" ")[1])
    start = content.index(public) + len(public) + 4
    content[start : start + 8] = bytes(8)
    return _armoured(OPENSSH, bytes(content))


def ssh_public_key(private_key: str) -> str:
    """The public half of a private key, as one line of authorized_keys; ValueError if it is none."""
    return _public_line(_parse(private_key))


def canonical_public_key(line: str) -> str:
    """The kind and the base64 of a public key, out of a line of ssh-keyscan, known_hosts or authorized_keys.

    Raises ValueError where there is none, or one of a kind that cannot be read.
    """
    match = PUBLIC.search(line)
    if match is None:
        raise ValueError("Expected a public key of OpenSSH's in one line")
    try:
        load_ssh_public_key(match[0].encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    return match[0]


def _parse(text: str) -> PrivateKey:
    # Where a shell or a file of variables has kept them escaped, newlines are a backslash and an n.
    blocks = BLOCK.findall(text.replace("\\r", "").replace("\\n", "\n"))
    if len(blocks) > 1:
        raise _unusable(f"there are {len(blocks)}")
    if not blocks:
        raise _unusable(_what_else(text))
    label, body = blocks[0]
    if "ENCRYPTED" in label or "Proc-Type" in body:
        raise _unusable("this one has a passphrase")
    try:
        content = base64.b64decode(NOT_BASE64.sub("", body), validate=True)
        key = _load(label, content)
    except TypeError:
        raise _unusable("this one has a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable("this one is damaged, or of a kind that cannot be read") from None
    if isinstance(key, RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        raise _unusable(f"this is an RSA key of {key.key_size} bits, and {SHORTEST_RSA} are the least")
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name not in CURVES:
        raise _unusable(f"this one is of the curve {key.curve.name}, which OpenSSH does not know")
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise _unusable("this one is of a kind that OpenSSH does not take (DSA, say, no more)")
    return key


def _load(label: str, content: bytes) -> object:
    load = load_ssh_private_key if label == OPENSSH else load_pem_private_key
    with warnings.catch_warnings():
        # Of a kind of key that is on its way out (DSA); it is refused anyway, in a sentence.
        warnings.simplefilter("ignore")
        return load(_armoured(label, content).encode(), password=None)


def _armoured(label: str, content: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(content).decode(), LINE)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _unusable(reason: str) -> ValueError:
    return ValueError(f"{EXPECTED}, but {reason}. Such a key is {EXAMPLE}")


def _what_else(text: str) -> str:
    if text.lstrip().startswith(("ssh-", "ecdsa-", "sk-")):
        return "this is the public half of one"
    if "PuTTY-User-Key-File" in text:
        return "this is one of PuTTY's, which PuTTYgen exports as an OpenSSH key"
    return "there is none from BEGIN to END"


def _public_line(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def key_mark(public_key: str) -> str:
    """16 hexadecimal digits that tell one public key from another: the beginning of its SHA-256, comments left out."""
    return hashlib.sha256(" ".join(public_key.split()[:2]).encode()).hexdigest()[:16]
