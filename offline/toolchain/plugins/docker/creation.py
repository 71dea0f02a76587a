"""The body of Docker's `POST /containers/create` for a container's inputs.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from collections.abc import Mapping
from typing import Any

from offline.toolchain.plugins.common.resource import Values

Json = dict[str, Any]

CONTAINER_TEXTS = {
    "entrypoints": "Entrypoint",
    "envs": "Env",
    "hostname": "Hostname",
    "image": "Image",
    "stopTimeout": "StopTimeout",
}
"""Inputs that the body takes as they are."""


def body(inputs: Values) -> Json:
    """The body; inputs that are empty, zero or False are left to Docker's defaults, as the real plugin does."""
    container = {field: inputs[name] for name, field in CONTAINER_TEXTS.items() if inputs.get(name)}
    container |= {"Labels": {label["label"]: label["value"] for label in inputs.get("labels") or []}}
    if ports := inputs.get("ports"):
        container["ExposedPorts"] = {_port(port): {} for port in ports}
    return {**container, "HostConfig": _host(inputs)}


def restart_policy(inputs: Values) -> Json:
    """The restart policy, without a limit of tries."""
    return {"Name": inputs["restart"], "MaximumRetryCount": 0}


def _host(inputs: Values) -> Json:
    return {
        "NetworkMode": inputs["networkMode"],
        "RestartPolicy": restart_policy(inputs),
        "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
        # Not left to the daemon's default.
        "Init": False,
        "PortBindings": _port_bindings(inputs),
        "Mounts": [_mount(mount) for mount in inputs.get("mounts") or []],
    }


def _port(port: Mapping[str, Any]) -> str:
    return f"{port['internal']}/{port['protocol']}"


def _port_bindings(inputs: Values) -> dict[str, list[Json]]:
    bindings: dict[str, list[Json]] = {}
    for port in inputs.get("ports") or []:
        binding = {"HostIp": port["ip"], "HostPort": str(port.get("external") or 0)}
        bindings.setdefault(_port(port), []).append(binding)
    return bindings


def _mount(mount: Mapping[str, Any]) -> Json:
    return {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source") or "",
        "ReadOnly": bool(mount.get("readOnly")),
    }
