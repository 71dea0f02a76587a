"""The steps of a container's life that are more than one call of the API."""

import base64
import io
import tarfile
import time
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]

from offline.toolchain.plugins.common.resource import Operation, ProviderError, Values
from offline.toolchain.plugins.docker.daemon import Daemon

Json = dict[str, Any]


def find(daemon: Daemon, id_: str) -> Json | None:
    """What the engine tells of a container, or None if there is none."""
    with daemon.errors("error fetching container information from Docker"):
        try:
            return dict(daemon.client.inspect_container(id_))
        except docker.errors.NotFound:
            return None


def start(daemon: Daemon, id_: str) -> None:
    """Start a container."""
    with daemon.errors("Unable to start container"):
        daemon.client.start(id_)


def wait_until_healthy(daemon: Daemon, operation: Operation, id_: str) -> None:
    """Wait until the health check succeeds. Raises ProviderError if there is none, or after `waitTimeout` seconds."""
    deadline = time.monotonic() + operation.inputs["waitTimeout"]
    while True:
        health = ((find(daemon, id_) or {}).get("State") or {}).get("Health")
        if not health:
            raise ProviderError("`wait` needs a container with a health check: add `healthcheck` or leave `wait` away")
        if health["Status"] == "healthy":
            return
        if time.monotonic() >= deadline:
            raise ProviderError(f"container failed to be in healthy state in {operation.inputs['waitTimeout']} s")
        operation.wait(0.5)


def connect_networks(daemon: Daemon, id_: str, inputs: Values) -> None:
    """Put the container into the networks of `networksAdvanced` instead of Docker's default one."""
    networks = inputs.get("networksAdvanced") or []
    if networks:
        with daemon.errors("Unable to disconnect the default network"):
            try:
                daemon.client.disconnect_container_from_network(id_, "bridge")
            except docker.errors.APIError as error:
                if "is not connected to" not in str(error.explanation):
                    raise
    for network in networks:
        with daemon.errors(f"Unable to connect to network '{network['name']}'"):
            daemon.client.connect_container_to_network(
                id_,
                network["name"],
                aliases=network.get("aliases"),
                ipv4_address=network.get("ipv4Address"),
                ipv6_address=network.get("ipv6Address"),
                link_local_ips=network.get("linkLocalIps"),
                mac_address=network.get("macAddress"),
                driver_opt=dict(option.split("=", 1) for option in network.get("driverOpts") or []) or None,
            )


def upload(daemon: Daemon, id_: str, inputs: Values) -> None:
    """Write the files of `uploads` into a container that is not started yet."""
    for file in inputs.get("uploads") or []:
        content, mode = _content(file), 0o744 if file.get("executable") else 0o644
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(file["file"].lstrip("/"))
            entry.size, entry.mtime = len(content), int(time.time())
            entry.mode = int(file["permissions"], 8) if file.get("permissions") else mode
            tar.addfile(entry, io.BytesIO(content))
        with daemon.errors("Unable to upload volume content"):
            daemon.client.put_archive(id_, "/", archive.getvalue())


def remove(daemon: Daemon, operation: Operation) -> None:
    """Stop a container, at once if it has no `destroyGraceSeconds`, and remove it."""
    state = operation.state
    with daemon.errors(f"Error deleting container {operation.id}"):
        try:
            daemon.client.stop(operation.id, timeout=state.get("destroyGraceSeconds") or 0)
            daemon.client.remove_container(operation.id, v=bool(state.get("removeVolumes")), force=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if "is already in progress" not in str(error.explanation):
                raise
    while find(daemon, operation.id):
        operation.wait(0.1)


def _content(file: Json) -> bytes:
    if file.get("content"):
        return str(file["content"]).encode()
    if file.get("contentBase64"):
        return base64.b64decode(file["contentBase64"])
    try:
        return Path(file["source"]).read_bytes()
    except OSError as error:
        raise ProviderError(f"could not read file: {error}") from error
