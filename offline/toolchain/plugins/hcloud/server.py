"""`hcloud:index/server:Server`."""

from collections.abc import Iterator

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import CancelledError, Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import RETRIES, Api, ApiError, Json, retry
from offline.toolchain.plugins.hcloud.labels import check_labels
from offline.toolchain.plugins.hcloud.primary_ip import REMOVED
from offline.toolchain.plugins.hcloud.public_net import create_options, update_public_net
from offline.toolchain.plugins.hcloud.server_state import digest, server_state


class Servers:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {
            "name": inputs["name"],
            "server_type": inputs["serverType"],
            "image": self._image(api, inputs),
            "labels": inputs.get("labels", {}),
            "ssh_keys": [self._ssh_key(api, key) for key in inputs.get("sshKeys", [])],
            "start_after_create": True,
        }
        for name, field in {"location": "location", "userData": "user_data"}.items():
            if inputs.get(name):
                body[field] = inputs[name]
        if inputs.get("publicNets"):
            body["public_net"] = create_options(inputs["publicNets"])
        answer = api.request("POST", "/servers", body)
        operation.id = str(answer["server"]["id"])
        operation.exists(operation.id, dict.fromkeys(("deleteProtection", "rebuildProtection"), False))
        api.settle(operation, answer)
        if inputs.get("deleteProtection") or inputs.get("rebuildProtection"):
            self._protect(api, operation)
        return operation.id, server_state(api.request("GET", f"/servers/{operation.id}")["server"], inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        server = api.find(f"/servers/{operation.id}", "server")
        return (str(server["id"]), server_state(server, operation.state)) if server else None

    def update(self, api: Api, operation: Operation) -> Values:
        inputs, path = operation.inputs, f"/servers/{operation.id}"
        server = api.request("GET", path)["server"]
        body = {name: inputs.get(name, {}) for name in ("name", "labels") if operation.changed(name)}
        if body:
            api.request("PUT", path, body)
        if operation.changed("serverType"):
            if server["status"] == "running":
                api.act(operation, "POST", f"{path}/actions/poweroff")
            change: Json = {"server_type": inputs["serverType"], "upgrade_disk": not inputs.get("keepDisk")}
            api.act(operation, "POST", f"{path}/actions/change_type", change)
        if operation.changed("publicNets"):
            update_public_net(api, operation, server)
        if operation.changed("deleteProtection") or operation.changed("rebuildProtection"):
            self._protect(api, operation)
        return server_state(api.request("GET", path)["server"], inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        path = f"/servers/{operation.id}"
        if api.find(path, "server") is None:
            return
        if operation.state.get("shutdownBeforeDeletion"):
            self._shut_down(api, operation)
        try:
            api.act(operation, "DELETE", path)
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _image(self, api: Api, inputs: Values) -> int:
        """The id of the image for the server type's architecture; images are named per architecture."""
        if not inputs.get("image"):
            raise ProviderError("image is required to create a server")
        kinds = list(api.every("/server_types", "server_types", name=inputs["serverType"]))
        if not kinds:
            raise ProviderError(f"server type {inputs['serverType']} not found")
        architecture, image = kinds[0]["architecture"], inputs["image"]
        query = {"name": image, "architecture": architecture, "include_deprecated": "true"}
        found = [entry["id"] for entry in api.every("/images", "images", **query)]
        if not found and image.isdigit() and api.find(f"/images/{image}", "image"):
            found = [int(image)]
        if not found:
            raise ProviderError(f"image {image} for architecture {architecture} not found")
        return int(found[0])

    def _ssh_key(self, api: Api, name: str) -> int:
        """The id of an SSH key given by id or name."""
        if name.isdigit() and api.find(f"/ssh_keys/{name}", "ssh_key"):
            return int(name)
        found = list(api.every("/ssh_keys", "ssh_keys", name=name))
        if not found:
            raise ProviderError(f"SSH key not found: {name}")
        return int(found[0]["id"])

    def _protect(self, api: Api, operation: Operation) -> None:
        inputs = operation.inputs
        body: Json = {
            "delete": bool(inputs.get("deleteProtection")),
            "rebuild": bool(inputs.get("rebuildProtection")),
        }
        api.act(operation, "POST", f"/servers/{operation.id}/actions/change_protection", body)

    def _shut_down(self, api: Api, operation: Operation) -> None:
        """Ask the system to shut down and give it some time; the deletion goes on without."""

        def is_off() -> None:
            if api.request("GET", f"/servers/{operation.id}")["server"]["status"] != "off":
                raise ApiError("still_running", "the server has not shut down yet")

        try:
            api.act(operation, "POST", f"/servers/{operation.id}/actions/shutdown")
            retry(operation, ("still_running",), is_off, RETRIES)
        except CancelledError:
            raise
        except ApiError as error:
            if error.code != "still_running":
                raise


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    yield from check_labels(inputs)
    if "datacenter" in inputs:
        yield "datacenter", REMOVED
    if inputs.get("image") == "":
        yield "image", '"image" must have more than 0 characters. Have you set the name instead of an ID?'
    if any(key == "" for key in inputs.get("sshKeys") or []):
        yield "sshKeys", "Invalid ssh key passed. You need to pass a string with at least 1 character"


SERVER = ResourceType(
    token="hcloud:index/server:Server",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.ServerArgs, pulumi_hcloud.Server),
    operations=Servers(),
    autoname="name",
    # The bridge writes defaults into the inputs only if they are not zero.
    input_defaults={"publicNets.ipv4Enabled": True, "publicNets.ipv6Enabled": True},
    plan_defaults={
        "backups": False,
        "deleteProtection": False,
        "ignoreRemoteFirewallIds": False,
        "keepDisk": False,
        "rebuildProtection": False,
        "shutdownBeforeDeletion": False,
    },
    replace_on=frozenset({"image", "location", "sshKeys", "userData"}),
    computed=frozenset(
        {"image", "location", "datacenter", "firewallIds", "publicNets", "publicNets.ipv4", "publicNets.ipv6"}
    ),
    sets=frozenset({"publicNets", "firewallIds"}),
    hashed={"userData": digest},
    delete_first="if named",
    refused=frozenset({"networks", "placementGroupId", "iso", "rescue", "backups", "firewallIds"}),
    check=_check,
    timeout=90 * 60.0,
)
