"""Connections over SSH: that they reach the right server and no other."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.model import COMMAND, COPY, COPY_FILE, DOCKER_PROVIDER, UNKNOWN, Resource
from policy.rule import ResourceRule, Settings
from policy.stack import Stack

DOCKER_HOST = re.compile(r"ssh://([\w.-]+@)?(\w[\w.-]*|\[[0-9a-fA-F:]+\])(:\d+)?/?")
"""The provider knows this scheme in lower case only; by any other it reaches Docker without a host key."""

OPTION = re.compile(r"(?P<name>[A-Za-z]+)\s*[\s=]\s*(?P<value>.*)")
HARMLESS = {
    "stricthostkeychecking",
    "userknownhostsfile",
    "globalknownhostsfile",
    "hostkeyalias",
    "identityfile",
    "identitiesonly",
    "batchmode",
    "connecttimeout",
    "connectionattempts",
    "serveraliveinterval",
    "serveralivecountmax",
}
"""The options of ssh_config(5) that Docker's connection may have. Others run programs or trust others."""
NO_FILE = ("", "none", "/dev/null")


def pinned_host_key(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Every connection over SSH knows the host key beforehand."""
    if resource.type == DOCKER_PROVIDER:
        yield from _of_docker(resource)
        return
    connection = resource.get("connection")
    if not isinstance(connection, Mapping):
        return
    for what, place in (("host", connection), ("proxy", connection.get("proxy"))):
        # While part of a connection is not known, the command plugin shows an empty one, with no address either.
        if isinstance(place, Mapping) and place.get("host") and not _is_set(place.get("hostKey")):
            yield f"The connection does not pin the {what}'s key."


def _of_docker(provider: Resource) -> Iterator[str]:
    host, options = provider.get("host"), _options(provider.get("sshOpts"))
    if provider.get("context"):
        yield "Docker's connection comes from a context, which is another one on each machine."
    elif host is not UNKNOWN and not DOCKER_HOST.fullmatch(str(host or "")):
        yield f"Docker is reached at {host or 'whatever the environment says'}, not by ssh://."
    elif options is None:
        return
    elif strange := [name for name in options if name not in HARMLESS]:
        yield f"Docker's connection over SSH has {strange[0]}, which is none of the options that it may have."
    elif options.get("stricthostkeychecking") != "yes" or options.get("userknownhostsfile", "") in NO_FILE:
        yield "Docker's connection over SSH does not check the server's key."


def _options(written: Any) -> dict[str, str] | None:
    """The options by their names in lower case, or None where they are not known yet.

    Of an option that is given twice ssh takes the first. What is no option of the form -o name=value keeps its text as
    its name.
    """
    # Providers take their properties as text; a list comes as its JSON.
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except json.JSONDecodeError:
            return {written: ""}
    if written is UNKNOWN or (isinstance(written, list) and UNKNOWN in written):
        return None
    found: dict[str, str] = {}
    arguments = iter(written if isinstance(written, list) else ())
    for argument in map(str, arguments):
        text = next(arguments, "") if argument == "-o" else argument.removeprefix("-o")
        option = OPTION.fullmatch(str(text).strip()) if argument.startswith("-o") else None
        name, value = (option["name"].lower(), option["value"].strip(' \t"')) if option else (argument, "")
        found.setdefault(name, value)
    return found


def _is_set(value: Any) -> bool:
    return value is UNKNOWN or bool(str(value or "").strip())


RULES = (
    ResourceRule(
        name="host-key-pinned",
        why="Every SSH connection pins the server's host key, and Docker is reached by SSH alone, because the plugins "
        "trust any server without one.",
        remedy="Take the connection, and Docker's ssh_opts, from components/connection.py.",
        types=(COMMAND, COPY, COPY_FILE, DOCKER_PROVIDER),
        check=pinned_host_key,
    ),
)
