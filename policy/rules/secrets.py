"""Secrets: that nobody can read them who need not."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.disguises import gives_away
from policy.model import (
    COMMAND,
    COPY,
    COPY_FILE,
    DOCKER_PROVIDER,
    EVERYTHING,
    LOCAL_COMMAND,
    PROVIDER,
    SERVER,
    STACK,
    STORAGE_ACCOUNT,
    STORAGE_BOX,
    Resource,
    Resources,
)
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack, names_a_secret, texts

Found = Iterator[tuple[Resource | None, str]]

GIVEN = {
    COMMAND: ("connection", "stdin"),
    LOCAL_COMMAND: ("stdin",),
    COPY: ("connection",),
    COPY_FILE: ("connection",),
    DOCKER_PROVIDER: ("registryAuth",),
    STORAGE_BOX: ("password",),
    STORAGE_ACCOUNT: ("password",),
}
"""Properties that hand secrets over; all others are seen in a process list, by `docker inspect` or by the world."""

USER_DATA = "userData"
HOST_KEY = "sshHostKey"
"""The one secret that a server's user data holds: the key with which it proves itself from its first minute on."""

PRINTED = ("stdout", "stderr")


def no_secret_shown(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """No secret of the configuration, of the connection or of the input in what others can read."""
    secrets = stack.secrets | dict(_own_secrets(resource))
    for name, value in resource.props.items():
        if name in GIVEN.get(resource.type, ()) or _is_account(resource, name):
            continue
        expected = f"{stack.project}:{HOST_KEY}" if (resource.type, name) == (SERVER, USER_DATA) else None
        for key in _held(value, secrets):
            if key != expected:
                yield f"The property {name} holds the secret {key}."


def encrypted(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """Whatever holds a secret is marked as one, so that the state holds it encrypted."""
    secrets = stack.secrets | dict(_own_secrets(resource))
    for name, value in resource.in_clear.items():
        for key in _held(value, secrets):
            yield f"The property {name} holds the secret {key} and is not encrypted."


def no_secret_put_out(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """No secret in the stack's outputs or in what a command prints. Encrypted or not, a policy cannot tell."""
    for resource in resources.of_type(STACK, COMMAND, LOCAL_COMMAND):
        secrets = stack.secrets | dict(_own_secrets(resource))
        outputs = resource.props if resource.type == STACK else {name: resource.get(name) for name in PRINTED}
        for name, value in outputs.items():
            for key in _held(value, secrets):
                yield resource, f"The output {name} holds the secret {key}."


def given(command: Resource) -> Any:
    """What a command is given by standard input, if that is JSON; else None."""
    stdin = command.get("stdin")
    try:
        return json.loads(stdin) if isinstance(stdin, str) else None
    except json.JSONDecodeError:
        return None


def _own_secrets(resource: Resource) -> Iterator[tuple[str, str]]:
    """The secrets that a command is given the right way: with its connection and by standard input."""
    for path, value in texts("connection", resource.get("connection")):
        if names_a_secret(path) and not path.endswith("hostKey"):
            yield path, value
    for path, value in texts("stdin", given(resource)):
        if path.rpartition(".")[2].lower() == "password":
            yield path, value


def _is_account(resource: Resource, name: str) -> bool:
    """Whether the property is what a provider logs in with."""
    return resource.type.startswith(PROVIDER) and names_a_secret(name)


def _held(value: Any, secrets: Mapping[str, str]) -> list[str]:
    shown = {text for _, text in texts("", value)}
    return sorted(key for key, secret in secrets.items() if any(gives_away(text, secret) for text in shown))


RULES = (
    ResourceRule(
        name="no-secret-shown",
        why="No secret stands, in whatever encoding, on a command line, in an environment, a label, user data or a DNS "
        "record, where other programs or the world can read it.",
        remedy="Give it by standard input, as secret_json() of components/remote_scripts.py does.",
        types=(EVERYTHING,),
        check=no_secret_shown,
    ),
    ResourceRule(
        name="secrets-encrypted",
        why="What holds a secret, such as a command's input or a server's user data, is encrypted, because more people "
        "than one read a stack's state.",
        remedy="Wrap it in pulumi.Output.secret().",
        level="remediate",
        types=(EVERYTHING,),
        check=encrypted,
    ),
    StackRule(
        name="no-secret-in-outputs",
        why="No secret is put out by the stack or printed by a command; whoever may have it finds it in the stack's "
        "configuration.",
        remedy="Take it out of the output.",
        check=no_secret_put_out,
    ),
)
