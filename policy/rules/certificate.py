"""The mail host's certificate: that clients trust it, and that what proves it stays on the server."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from model.server_folders import CERTIFICATES
from model.settings import AUTHORITIES
from policy.model import COMMAND, COPY, COPY_FILE, EVERYTHING, LOCAL_COMMAND, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.rules.secrets import given
from policy.stack import Stack, texts

Found = Iterator[tuple[Resource | None, str]]

SCRIPT = re.compile(r"(\S*/)?python3?(\.\d+)? (\S*/)?certificate\.py(?P<argument> \w+)?\s*(#|$)")
"""The line that has the server get a certificate and keep it renewed, or with an argument only a part of that."""

KEY_MAKERS = ("acme:", "tls:")
"""Providers whose resources hold a private key, which the state then holds as well."""
KEY_PROPERTIES = ("privateKey", "privateKeyPem", "caPrivateKeyPem", "accountKeyPem")
"""How other providers' resources call the private key of a certificate. A connection's key lies deeper."""

KEY_NAME = re.compile(r"private_key\.json|privkey\d*\.pem|\bserver\.key\b")
"""How files are called that hold the key of an account or a certificate."""
KEY_FOLDERS = (CERTIFICATES, "/etc/letsencrypt")
"""Where certbot keeps them: here, and unless told otherwise."""
PUBLIC = re.compile(r"/(status\.json|(cert|chain|fullchain)\d*\.pem)\W*$")
"""What may be read there by everyone."""
HARMLESS = {"chmod", "chown", "ls", "mkdir", "rm", "shred", "stat", "test", "[", "echo", "printf"}
"""Commands that do not hand on what is in a file that they are told."""
BETWEEN = re.compile(r"\|\||&&|[;\n|&`()]")
"""What stands between two simple commands of a shell."""
BEFORE = re.compile(r"^\s*((then|do|else|if|while|!|sudo)\s+|\w+=\S*\s+)*")
"""What may stand before the command itself."""
LINES: Mapping[str, tuple[str, ...]] = {
    COMMAND: ("create", "update", "delete", "stdin"),
    LOCAL_COMMAND: ("create", "update", "delete", "stdin", "assetPaths", "archivePaths"),
}
"""What a command runs, and which files it takes into the state."""
COPIED: Mapping[str, tuple[str, ...]] = {COPY: ("source", "remotePath"), COPY_FILE: ("localPath", "remotePath")}


def trusted(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """A protected stack asks an authority that clients know for a certificate, or says why it does not."""
    settings = stack.settings
    if not settings.protect:
        return
    if settings.acme_directory is None:
        # Whoever stands in front has the certificate that clients see.
        if settings.https and not settings.reverse_proxy_cidrs and not settings.no_certificate_because:
            yield None, "The stack has no certificate, and does not say why."
        return
    commands = resources.of_type(COMMAND)
    if not any(may_get_one(command) for command in commands):
        yield None, "Nothing has the server get a certificate, though the settings want one."
    if is_for_trials(settings.acme_directory):
        yield None, f"The certificate comes from {settings.acme_directory}, which no client trusts."
        return
    for command in (command for command in commands if part_of(command)):
        told = given(command)
        authority = told.get("authority") if isinstance(told, Mapping) else None
        if isinstance(authority, str) and authority != settings.acme_directory:
            yield command, f"The certificate comes from {authority}; the settings say {settings.acme_directory}."


def key_stays(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """No resource makes or takes such a key, and no command or copy takes one off the server."""
    if resource.type.startswith(KEY_MAKERS):
        yield f"A {resource.type.rpartition(':')[2]} of {resource.type.partition(':')[0]} has its key in the state."
        return
    for name in KEY_PROPERTIES:
        if resource.get(name):
            yield f"The property {name} is a key, which the state then holds."
    for name in LINES.get(resource.type, ()):
        if name == "stdin" and isinstance(given(resource), Mapping):  # facts for a script, no lines of a shell
            continue
        if file := next(_read(resource.get(name)), None):
            yield f"The property {name} reads {file}, which holds a key."
    for name in COPIED.get(resource.type, ()):
        value = resource.get(name)
        if isinstance(value, str) and _holds_key(value):
            yield f"The property {name} is {value}, which holds a key."


def part_of(command: Resource) -> re.Match[str] | None:
    """What a command runs of that, or None for any other."""
    line = command.get("create")
    return SCRIPT.match(line.strip()) if isinstance(line, str) else None


def may_get_one(command: Resource) -> bool:
    """Whether a command has the server get a certificate, or may turn out to."""
    part = part_of(command)
    return command.get("create") is UNKNOWN or (part is not None and not part["argument"])


def is_for_trials(directory: str) -> bool:
    """Whether no client trusts an authority's certificates, which is known of Let's Encrypt's own."""
    return urlsplit(directory).hostname == urlsplit(AUTHORITIES["staging"]).hostname


def _read(value: Any) -> Iterator[str]:
    """The files with keys that a text's commands do more with than name, delete or protect them."""
    for _, text in texts("", value):
        for line in BETWEEN.split(text):
            words = BEFORE.sub("", line).split()
            # What a command is fed by < it may well print.
            if words and (words[0].rpartition("/")[2] not in HARMLESS or "<" in line):
                yield from filter(_holds_key, words)


def _holds_key(word: str) -> bool:
    """Whether a word of a command line is a file with a key, or a folder of such."""
    return bool(KEY_NAME.search(word)) or (any(folder in word for folder in KEY_FOLDERS) and not PUBLIC.search(word))


RULES = (
    StackRule(
        name="certificate-in-protected-stack",
        why="A protected stack has a certificate that clients trust and the server renews, or says why it has none.",
        remedy="Set certificate to letsencrypt, or acmeServer to the authority that your clients trust, and make a "
        "Certificate; where none is wanted: none, with the reason behind it.",
        check=trusted,
    ),
    ResourceRule(
        name="account-key-stays",
        why="The key of the authority's account and that of the certificate are made on the server and stay there, "
        "because whoever has one can pass for the mail host.",
        remedy="Leave both to remote/certificate.py, which makes them on the volume and prints neither.",
        types=(EVERYTHING,),
        check=key_stays,
    ),
)
