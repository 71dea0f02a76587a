"""Inputs that the real plugin refuses, and those that this program does not use, which this stand-in cannot do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from offline.toolchain.plugins.common.resource import Values

Problems = Iterable[tuple[str, str]]

NOT_HERE = "not supported by the offline stand-in for the docker plugin"

USED = frozenset(
    {
        "containerReadRefreshTimeoutMilliseconds",
        "destroyGraceSeconds",
        "entrypoints",
        "envs",
        "hostname",
        "image",
        "labels",
        "logDriver",
        "logOpts",
        "mounts",
        "mustRun",
        "name",
        "networkMode",
        "ports",
        "removeVolumes",
        "restart",
        "start",
        "stopTimeout",
        "waitTimeout",
    }
)
"""A container's inputs that the program gives, or that have a default."""

MOUNT = frozenset({"readOnly", "source", "target", "type"})


def container_problems(inputs: Values) -> Problems:
    """Problems as (property, message). Values that are not known yet have none."""
    yield from unused(inputs, USED)
    yield from _pattern("restart", inputs.get("restart"), r"^(no|on-failure|always|unless-stopped)$")
    mounts = inputs.get("mounts")
    for index, mount in enumerate(mounts if isinstance(mounts, list) else ()):
        if isinstance(mount, Mapping):
            where = f"mounts[{index}]"
            yield from ((f"{where}.{name}", message) for name, message in unused(mount, MOUNT))
            yield from _pattern(f"{where}.type", mount.get("type"), r"^(bind|volume|tmpfs)$")


def unused(inputs: Mapping[str, Any], used: frozenset[str]) -> Problems:
    """The inputs that are given and that this stand-in knows nothing about."""
    return ((name, NOT_HERE) for name in sorted(inputs.keys() - used) if inputs[name])


def _pattern(where: str, value: Any, pattern: str) -> Problems:
    if isinstance(value, str) and value and not re.search(pattern, value):
        yield where, f"'{value}' does not match the pattern {pattern!r}"
