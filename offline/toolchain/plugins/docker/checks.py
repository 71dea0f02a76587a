"""Inputs of a container that the real plugin refuses, and those that this stand-in cannot do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from offline.toolchain.plugins.common.resource import Values
from offline.toolchain.plugins.common.values import contains_unknown
from offline.toolchain.plugins.docker.durations import nanoseconds

Problems = Iterable[tuple[str, str]]

NOT_HERE = "not supported by the offline stand-in for the docker plugin"

UNSUPPORTED = (
    "attach",
    "deviceReadBps",
    "deviceReadIops",
    "deviceRequests",
    "deviceWriteBps",
    "deviceWriteIops",
    "gpus",
    "logs",
)

PATTERNS = {
    "restart": r"^(no|on-failure|always|unless-stopped)$",
    "cpuSet": r"^\d+([,-]\d+)*$",
}

LEAST = {
    "memory": 0,
    "memoryReservation": 0,
    "memorySwap": -1,
    "shmSize": 0,
    "cpuShares": 0,
    "cpuPeriod": 0,
    "cpuQuota": 0,
}

CONTENTS = ("content", "contentBase64", "source")


def container_problems(inputs: Values) -> Problems:
    """Problems as (property, message). Values that are not known yet have none."""
    yield from ((name, NOT_HERE) for name in UNSUPPORTED if inputs.get(name))
    for name, pattern in PATTERNS.items():
        yield from _pattern(name, inputs.get(name), pattern)
    for name, least in LEAST.items():
        value = inputs.get(name)
        if isinstance(value, int) and value < least:
            yield name, f"'{value}' cannot be lower than {least}"
    yield from _healthcheck(_mapping(inputs.get("healthcheck")))
    for name, check in ITEMS.items():
        items = inputs.get(name)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            yield from check(f"{name}[{index}]", _mapping(item))


def _healthcheck(check: Mapping[str, Any]) -> Problems:
    for name in ("interval", "timeout", "startPeriod", "startInterval"):
        value = check.get(name)
        if isinstance(value, str) and nanoseconds(value) is None:
            yield f"healthcheck.{name}", f"'{value}' is not a valid duration, expected for example 30s"


def _mount(where: str, mount: Mapping[str, Any]) -> Problems:
    yield from _pattern(f"{where}.type", mount.get("type"), r"^(bind|volume|tmpfs)$")


def _network(where: str, network: Mapping[str, Any]) -> Problems:
    if network.get("gwPriority"):
        yield f"{where}.gwPriority", NOT_HERE


def _volume(where: str, volume: Mapping[str, Any]) -> Problems:
    yield from _pattern(f"{where}.hostPath", volume.get("hostPath"), r"^/", "must be an absolute path")
    if not contains_unknown(volume) and bool(volume.get("fromContainer")) == bool(volume.get("containerPath")):
        yield where, "either containerPath or fromContainer must be set"


def _upload(where: str, file: Mapping[str, Any]) -> Problems:
    yield from _pattern(f"{where}.permissions", file.get("permissions"), r"^0[0-7]{3}$")
    if sum(bool(file.get(name)) for name in CONTENTS) != 1:
        yield where, f"exactly one of {', '.join(CONTENTS)} must be set"


def _pattern(where: str, value: Any, pattern: str, rule: str = "") -> Problems:
    if isinstance(value, str) and value and not re.search(pattern, value):
        yield where, f"'{value}' {rule or f'does not match the pattern {pattern!r}'}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


ITEMS = {"mounts": _mount, "networksAdvanced": _network, "uploads": _upload, "volumes": _volume}
