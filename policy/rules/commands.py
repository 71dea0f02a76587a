"""Remote commands: whom they talk to, and what they give away."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.model import COMMAND, CONTAINER, COPY, DOCKER_PROVIDER, STACK, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import SHORTEST_SECRET, Stack, texts

Found = Iterator[tuple[Resource | None, str]]

LINES = {
    COMMAND: ("create", "update", "delete", "interpreter", "environment", "triggers"),
    CONTAINER: ("command", "entrypoints", "envs", "labels", "healthcheck"),
}
"""Properties that a process list, `docker inspect` or the plain state shows."""

PRINTED = ("stdout", "stderr")

CHECKED = ("StrictHostKeyChecking=yes", "UserKnownHostsFile=")


def pinned_host_key(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Every connection over SSH knows the host key beforehand."""
    if resource.type == DOCKER_PROVIDER:
        yield from _of_docker(resource)
        return
    connection = resource.get("connection")
    for what, place in (("host", connection), ("proxy", _in(connection, "proxy"))):
        if not isinstance(place, Mapping) or place.get("hostKey"):
            continue
        # While part of a connection is not known, the command plugin shows an empty one, with no address either.
        if place.get("host"):
            yield f"The connection does not pin the {what}'s key."


def no_secret_shown(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """No secret of the configuration, of the connection or of the input in what others can read."""
    secrets = stack.secrets | dict(_own_secrets(resource))
    for name in LINES[resource.type]:
        shown = [text for _, text in texts("", resource.get(name))]
        for key in _held(shown, secrets):
            yield f"The property {name} holds the secret {key}."


def no_secret_put_out(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """No secret in the stack's outputs or in what a command prints. Encrypted or not, a policy cannot tell."""
    for resource in resources.of_type(STACK, COMMAND):
        secrets = stack.secrets | dict(_own_secrets(resource))
        outputs = resource.props if resource.type == STACK else {name: resource.get(name) for name in PRINTED}
        for name, value in outputs.items():
            shown = [text for _, text in texts("", value)]
            for key in _held(shown, secrets):
                yield resource, f"The output {name} holds the secret {key}."


def _of_docker(provider: Resource) -> Iterator[str]:
    host, options = provider.get("host"), provider.get("sshOpts")
    if provider.may_have_more("sshOpts") or not (options or str(host).startswith("ssh://")):
        return
    # Providers take their properties as text; a list comes as its JSON.
    text = options if isinstance(options, str) else json.dumps(options)
    if not all(option in text for option in CHECKED):
        yield "Docker's connection over SSH does not check the server's key."


def _own_secrets(resource: Resource) -> Iterator[tuple[str, str]]:
    """The secrets that a command is given the right way: with its connection and by standard input."""
    connection = resource.get("connection")
    for name in ("password", "privateKey", "privateKeyPassword"):
        if isinstance(value := _in(connection, name), str):
            yield f"connection.{name}", value
    for path, value in texts("", given(resource)):
        if path.rpartition(".")[2].lower() == "password":
            yield f"stdin.{path}", value


def given(command: Resource) -> Any:
    """What a command is given by standard input, if that is JSON; else None."""
    stdin = command.get("stdin")
    try:
        return json.loads(stdin) if isinstance(stdin, str) else None
    except json.JSONDecodeError:
        return None


def _held(shown: list[str], secrets: Mapping[str, str]) -> list[str]:
    long_enough = {key: secret for key, secret in secrets.items() if len(secret) >= SHORTEST_SECRET}
    return sorted(key for key, secret in long_enough.items() if any(_needle(secret) in text for text in shown))


def _needle(secret: str) -> str:
    """What gives a secret away: of a key in many lines the last full one, however the line breaks are written."""
    return max(reversed(secret.splitlines()), key=len)


def _in(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


RULES = (
    ResourceRule(
        name="host-key-pinned",
        why="Every SSH connection pins the server's host key, because the plugins trust any server without one.",
        remedy="Take the connection from components/connection.py.",
        types=(COMMAND, COPY, DOCKER_PROVIDER),
        check=pinned_host_key,
    ),
    ResourceRule(
        name="no-secret-on-command-line",
        why="No secret stands on a command line, in an environment or in a label, where every process can read it.",
        remedy="Give it by standard input, as secret_json() of components/remote_scripts.py does.",
        types=tuple(LINES),
        check=no_secret_shown,
    ),
    StackRule(
        name="no-secret-in-outputs",
        why="No secret is put out by the stack or printed by a command; whoever may have it finds it in the stack's "
        "configuration.",
        remedy="Take it out of the output.",
        check=no_secret_put_out,
    ),
)
