"""Example values for the tests."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic.alias_generators import to_camel

from model.settings import Settings
from model.ssh_keys import canonical_ssh_key


def openssh_key() -> str:
    """A fresh OpenSSH private key, in the form in which the program writes it."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return canonical_ssh_key(key.decode())


LOGIN_KEY = openssh_key()
HOST_KEY = openssh_key()
PASSWORD = "Guide-Rule-10"
IMAGE = "analogic/poste.io:2.5.11@sha256:" + "a" * 64

VALUES: dict[str, Any] = {
    "mailHost": "mail.example.com",
    "domains": [{"name": "example.com"}],
    "adminAddress": "admin@example.com",
    "adminPassword": PASSWORD,
    "adminCidrs": ["198.51.100.7/32"],
    "sshPrivateKey": LOGIN_KEY,
    "sshHostKey": HOST_KEY,
    "posteImage": IMAGE,
}


BACKUP_KEY = openssh_key()
STORAGE_BOX: dict[str, Any] = {
    "backup": {"storageBox": "bx11"},
    "backupPassphrase": "Correct-Horse-Battery-7",
    "backupKey": BACKUP_KEY,
    "storageBoxPassword": "Storage-Box-10",
}
"""What a stack with a Storage Box has beside all else."""


RELAY: dict[str, Any] = {
    "host": "smtp.relay.example",
    "user": "club",
    "password": "Relay-Pass-10",
    "senders": ["include:spf.relay.example"],
    "records": [
        {"name": "relay1._domainkey.example.com", "type": "CNAME", "content": "relay1.domainkey.relay.example"},
        {"name": "back.example.com", "type": "MX", "content": "mx.relay.example", "priority": 10},
        {"name": "back.example.com", "type": "TXT", "content": "v=spf1 include:spf.relay.example -all"},
    ],
}
"""What the setting relay may hold."""


def settings(**changes: Any) -> Settings:
    """Valid settings with some of them changed."""
    return Settings.model_validate(VALUES | {to_camel(name): value for name, value in changes.items()})
