"""A container's outputs from what Docker tells of it (`GET /containers/{id}/json`)."""

from collections.abc import Mapping
from typing import Any

from offline.toolchain.plugins.common.resource import Values
from offline.toolchain.plugins.docker.durations import duration

Json = dict[str, Any]

MEBIBYTE = 1024 * 1024


def outputs(container: Json, known: Values) -> Values:
    """The outputs; what Docker does not tell back, or not in the same form, stays as `known` has it."""
    config, host, state = container["Config"], container["HostConfig"], container["State"]
    return known | _of_config(container, config, known) | _of_host(host, known) | _of_run(container, state, known)


def _of_config(container: Json, config: Json, known: Values) -> Values:
    by_id = str(known.get("image", "")).startswith("sha256:")
    found: Values = {
        "name": container["Name"].lstrip("/"),
        "image": container["Image"] if by_id else config["Image"],
        "hostname": config.get("Hostname"),
        "domainname": config.get("Domainname"),
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "user": config.get("User"),
        "workingDir": config.get("WorkingDir"),
        "tty": config.get("Tty"),
        "stdinOpen": config.get("OpenStdin"),
        "stopSignal": config.get("StopSignal") or "",
        "stopTimeout": config.get("StopTimeout") or 0,
        "platform": container.get("Platform"),
        # Docker adds those of the image, so what it tells is not what was asked for.
        "envs": known.get("envs") or [],
        "labels": known.get("labels") or [],
    }
    if check := config.get("Healthcheck"):
        found["healthcheck"] = {
            "tests": check.get("Test") or [],
            "interval": duration(check.get("Interval") or 0),
            "timeout": duration(check.get("Timeout") or 0),
            "startPeriod": duration(check.get("StartPeriod") or 0),
            "startInterval": duration(check.get("StartInterval") or 0),
            "retries": check.get("Retries") or 0,
        }
    return found


def _of_host(host: Json, known: Values) -> Values:
    found: Values = {
        "rm": host.get("AutoRemove"),
        "readOnly": host.get("ReadonlyRootfs"),
        "securityOpts": host.get("SecurityOpt") or [],
        "publishAllPorts": host.get("PublishAllPorts"),
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "runtime": host.get("Runtime"),
        "mounts": [_mount(mount) for mount in host.get("Mounts") or []],
        "privileged": host.get("Privileged"),
        "memory": _mebibytes(host.get("Memory")),
        "memoryReservation": _mebibytes(host.get("MemoryReservation")),
        "memorySwap": _mebibytes(host.get("MemorySwap")),
        "shmSize": _mebibytes(host.get("ShmSize")),
        "cpuShares": host.get("CpuShares"),
        "cpuSet": host.get("CpusetCpus"),
        "logDriver": host["LogConfig"]["Type"],
        "networkMode": host.get("NetworkMode"),
        "usernsMode": host.get("UsernsMode"),
        "ipcMode": host.get("IpcMode"),
    }
    # Docker may tell a default of its own, which is of no interest if the program asked for nothing.
    if known.get("logOpts"):
        found["logOpts"] = host["LogConfig"].get("Config")
    return found


def _of_run(container: Json, state: Json, known: Values) -> Values:
    network = container["NetworkSettings"]
    found: Values = {
        "bridge": network.get("Bridge", ""),
        "networkDatas": [_network(name, data) for name, data in (network.get("Networks") or {}).items()],
    }
    if known.get("ports") and (state["Running"] or known.get("mustRun")):
        found["ports"] = _ports(network.get("Ports") or {})
    if not state["Running"]:
        found["exitCode"] = state["ExitCode"]
        # A container that should run and does not shows as a change of `mustRun`, which starts it.
        found["mustRun"] = False
    return found


def _ports(published: Mapping[str, list[Json] | None]) -> list[Json]:
    """The published ports in the order of their numbers inside."""
    result = []
    for key, bindings in published.items():
        internal, _, protocol = key.partition("/")
        for binding in bindings or []:
            port = {"internal": int(internal), "external": int(binding["HostPort"])}
            result.append(port | {"ip": binding["HostIp"], "protocol": protocol})
    return sorted(result, key=lambda port: (port["internal"], port["protocol"]))


def _network(name: str, data: Json) -> Json:
    return {
        "networkName": name,
        "ipAddress": data["IPAddress"],
        "ipPrefixLength": data["IPPrefixLen"],
        "gateway": data["Gateway"],
        "globalIpv6Address": data["GlobalIPv6Address"],
        "globalIpv6PrefixLength": data["GlobalIPv6PrefixLen"],
        "ipv6Gateway": data["IPv6Gateway"],
        "macAddress": data["MacAddress"],
    }


def _mount(mount: Json) -> Json:
    found: Json = {"target": mount["Target"], "source": mount.get("Source", ""), "type": mount["Type"]}
    found["readOnly"] = bool(mount.get("ReadOnly"))
    return found


def _mebibytes(count: int | None) -> int:
    return count // MEBIBYTE if count and count > 0 else count or 0
