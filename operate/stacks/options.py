"""The flags of `./run mail stack`. What is neither given nor in the stack yet is asked for."""

import argparse
from collections.abc import Sequence
from typing import get_args

from model.backup import StorageBoxType
from operate import command_line

SECRETS = ("adminPassword", "sshPrivateKey", "sshHostKey", "hcloud:token", "cloudflare:apiToken")
BOXES, NO_BACKUP = get_args(StorageBoxType), "none"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags' values; None for those that are not given."""
    parser = command_line.parser(
        "stack",
        "Makes a stack, or completes one that is there. Run it again at any time: what is set is kept.",
        epilog="Tokens come from the environment variables HCLOUD_TOKEN and CLOUDFLARE_API_TOKEN, a relay's password "
        "from RELAY_PASSWORD, or are asked for.",
    )
    add = parser.add_argument
    add("--domain", help="mail domain, for example example.com; another one than before is added")
    add("--mail-host", help="name of the server (default: mail.DOMAIN)")
    add("--admin-address", help="the administrator's mailbox (default: admin@DOMAIN)")
    add("--mailbox", action="append", default=[], help="another mailbox, with a password that is made; may be repeated")
    add("--admin-cidr", action="append", help="network that may use SSH, this machine's included; may be repeated")
    add("--image", help="Poste's image with its tag; its digest is looked up (default: the newest)")
    add("--location", help="Hetzner location (default: the first of nbg1, fsn1, hel1 … that has a server)")
    add("--server-type", help="Hetzner server type (default: the cheapest x86 type with 4 GB of memory or more)")
    add("--dmarc-policy", choices=("none", "quarantine", "reject"), help="DMARC policy of DOMAIN (default: reject)")
    add("--backup", choices=(*BOXES, NO_BACKUP), help="nightly backup in a Hetzner Storage Box of this type, or none")
    add("--relay", metavar="HOST[:PORT]", help="relay through which all mail leaves; its password is asked for")
    add("--relay-user", help="who signs in at the relay")
    add("--time-zone", help="time zone of the server's logs (default: UTC)")
    add("--protect", action=argparse.BooleanOptionalAction, help="protect server, addresses, volume (default: yes)")
    add("--hetzner-endpoint", help="another API than Hetzner's, for example the sandbox's")
    add("--hetzner-storage-endpoint", help="another API of Storage Boxes than Hetzner's, for example the sandbox's")
    add("--cloudflare-base-url", help="another API than Cloudflare's, for example the sandbox's")
    add("--secrets-provider", help="what encrypts a new stack's secrets (default: a passphrase); see docs/stacks.md")
    add("--replace", action="append", default=[], choices=SECRETS, help="secret to set anew; may be repeated")
    add("--no-questions", action="store_true", help="never ask; fail with what is missing")
    return parser.parse_args(arguments)
