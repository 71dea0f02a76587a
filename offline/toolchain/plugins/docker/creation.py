"""The body of Docker's `POST /containers/create` for a container's inputs.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from offline.toolchain.plugins.common.resource import Values
from offline.toolchain.plugins.common.values import without_none
from offline.toolchain.plugins.docker.durations import nanoseconds

Json = dict[str, Any]

MEBIBYTE = 1024 * 1024

HOST_TEXTS = {
    "cgroupParent": "CgroupParent",
    "cgroupnsMode": "CgroupnsMode",
    "cpuSet": "CpusetCpus",
    "cpuShares": "CpuShares",
    "dns": "Dns",
    "dnsOpts": "DnsOptions",
    "dnsSearches": "DnsSearch",
    "groupAdds": "GroupAdd",
    "ipcMode": "IpcMode",
    "networkMode": "NetworkMode",
    "pidMode": "PidMode",
    "privileged": "Privileged",
    "publishAllPorts": "PublishAllPorts",
    "readOnly": "ReadonlyRootfs",
    "rm": "AutoRemove",
    "runtime": "Runtime",
    "storageOpts": "StorageOpt",
    "sysctls": "Sysctls",
    "tmpfs": "Tmpfs",
    "usernsMode": "UsernsMode",
}
"""Inputs that the host part of the body takes as they are."""

HOST_SIZES = {
    "memory": "Memory",
    "memoryReservation": "MemoryReservation",
    "memorySwap": "MemorySwap",
    "shmSize": "ShmSize",
}
"""Inputs in mebibytes that the body has in bytes."""

CONTAINER_TEXTS = {
    "command": "Cmd",
    "domainname": "Domainname",
    "entrypoints": "Entrypoint",
    "envs": "Env",
    "hostname": "Hostname",
    "image": "Image",
    "stdinOpen": "OpenStdin",
    "stopSignal": "StopSignal",
    "stopTimeout": "StopTimeout",
    "tty": "Tty",
    "user": "User",
    "workingDir": "WorkingDir",
}


def body(inputs: Values) -> Json:
    """The body; inputs that are empty, zero or False are left to Docker's defaults, as the real plugin does."""
    container = {field: inputs[name] for name, field in CONTAINER_TEXTS.items() if inputs.get(name)}
    container |= {"Labels": {label["label"]: label["value"] for label in inputs.get("labels") or []}}
    if inputs.get("healthcheck"):
        container["Healthcheck"] = _healthcheck(inputs["healthcheck"])
    if ports := inputs.get("ports"):
        container["ExposedPorts"] = {_port(port): {} for port in ports}
    paths = [volume["containerPath"] for volume in inputs.get("volumes") or [] if volume.get("containerPath")]
    container["Volumes"] = {path: {} for path in paths}
    return {**container, "HostConfig": _host(inputs)}


def restart_policy(inputs: Values) -> Json:
    """The restart policy with its number of tries."""
    return {"Name": inputs["restart"], "MaximumRetryCount": inputs.get("maxRetryCount") or 0}


def _host(inputs: Values) -> Json:
    host = {field: inputs[name] for name, field in HOST_TEXTS.items() if inputs.get(name)}
    host |= {field: in_bytes(inputs[name]) for name, field in HOST_SIZES.items() if inputs.get(name)}
    host |= _cpus(inputs) | _security(inputs)
    host |= {
        "RestartPolicy": restart_policy(inputs),
        "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
        # Not left to the daemon's default: an absent `init` means none.
        "Init": bool(inputs.get("init")),
        "PortBindings": _port_bindings(inputs),
        "Mounts": [_mount(mount) for mount in inputs.get("mounts") or []],
        "Binds": [bind for volume in inputs.get("volumes") or [] if (bind := _bind(volume))],
        "VolumesFrom": [v["fromContainer"] for v in inputs.get("volumes") or [] if v.get("fromContainer")],
        "ExtraHosts": [f"{host['host']}:{host['ip']}" for host in inputs.get("hosts") or []],
        "Ulimits": [{"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in inputs.get("ulimits") or []],
        "Devices": [_device(device) for device in inputs.get("devices") or []],
    }
    return host


def _cpus(inputs: Values) -> Json:
    if inputs.get("cpus"):
        return {"NanoCpus": int(Decimal(inputs["cpus"]) * 10**9)}
    return {
        field: inputs[name]
        for name, field in (("cpuPeriod", "CpuPeriod"), ("cpuQuota", "CpuQuota"))
        if inputs.get(name)
    }


def _security(inputs: Values) -> Json:
    capabilities, options = inputs.get("capabilities") or {}, list(inputs.get("securityOpts") or [])
    security = {"CapAdd": _canonical(capabilities.get("adds")), "CapDrop": _canonical(capabilities.get("drops"))}
    if "systempaths=unconfined" in options:
        # The one option that a client turns into something else.
        options.remove("systempaths=unconfined")
        security |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return security | {"SecurityOpt": options}


def _canonical(capabilities: Sequence[str] | None) -> list[str]:
    """Capabilities as Docker's Go client sends them: with their prefix, in order, each once."""
    named = {capability.upper().removeprefix("CAP_") for capability in capabilities or ()}
    return sorted("ALL" if name == "ALL" else f"CAP_{name}" for name in named)


def _healthcheck(check: Mapping[str, Any]) -> Json:
    return {
        "Test": check.get("tests") or [],
        "Interval": nanoseconds(check["interval"]),
        "Timeout": nanoseconds(check["timeout"]),
        "StartPeriod": nanoseconds(check["startPeriod"]),
        "StartInterval": nanoseconds(check["startInterval"]),
        "Retries": check.get("retries") or 0,
    }


def _port(port: Mapping[str, Any]) -> str:
    return f"{port['internal']}/{port['protocol']}"


def _port_bindings(inputs: Values) -> dict[str, list[Json]]:
    bindings: dict[str, list[Json]] = {}
    for port in inputs.get("ports") or []:
        binding = {"HostIp": port["ip"], "HostPort": str(port.get("external") or 0)}
        bindings.setdefault(_port(port), []).append(binding)
    return bindings


def _bind(volume: Mapping[str, Any]) -> str | None:
    source = volume.get("hostPath") or volume.get("volumeName")
    if not source:
        return None
    mode = "ro" if volume.get("readOnly") else "rw"
    relabel = f",{volume['selinuxRelabel']}" if volume.get("selinuxRelabel") else ""
    return f"{source}:{volume['containerPath']}:{mode}{relabel}"


def _mount(mount: Mapping[str, Any]) -> Json:
    result: Json = {"Type": mount["type"], "Target": mount["target"], "Source": mount.get("source") or ""}
    result["ReadOnly"] = bool(mount.get("readOnly"))
    if mount["type"] == "bind" and (options := mount.get("bindOptions")):
        result["BindOptions"] = {"Propagation": options.get("propagation") or ""}
    if mount["type"] == "tmpfs" and (options := mount.get("tmpfsOptions")):
        result["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes") or 0, "Mode": options.get("mode") or 0}
    if mount["type"] == "volume" and (options := mount.get("volumeOptions")):
        result["VolumeOptions"] = _volume_options(options)
    return result


def _volume_options(options: Mapping[str, Any]) -> Json:
    labels = {label["label"]: label["value"] for label in options.get("labels") or []}
    result: Json = {"NoCopy": bool(options.get("noCopy")), "Labels": labels, "Subpath": options.get("subpath")}
    if options.get("driverName") or options.get("driverOptions"):
        driver = {"Name": options.get("driverName") or "", "Options": options.get("driverOptions") or {}}
        result["DriverConfig"] = driver
    return without_none(result)


def _device(device: Mapping[str, Any]) -> Json:
    return {
        "PathOnHost": device["hostPath"],
        "PathInContainer": device.get("containerPath") or device["hostPath"],
        "CgroupPermissions": device["permissions"],
    }


def in_bytes(mebibytes: int | None) -> int:
    """A limit in bytes; -1 stays, it means none."""
    return (mebibytes or 0) * (1 if mebibytes == -1 else MEBIBYTE)
