"""New secrets of the required strength."""

import secrets
import string

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from model.values import password_lacks

SPECIALS = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
BOX_SPECIALS = "-_.:,;@#+=?"
"""Some that Hetzner takes in the password of a Storage Box."""
LENGTH = 24
"""Characters of a password: about 150 bits."""


def new_password(specials: str = SPECIALS) -> str:
    """A random password that keeps the guide's rule: lower and upper case letters, digits and special characters."""
    while True:
        letters = string.ascii_letters + string.digits + specials
        password = "".join(secrets.choice(letters) for _position in range(LENGTH))
        if not password_lacks(password):
            return password


def new_ssh_key() -> str:
    """A random ed25519 private key in OpenSSH's form, without a passphrase."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
