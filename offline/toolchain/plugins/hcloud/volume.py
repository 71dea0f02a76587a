"""`hcloud:index/volume:Volume` and `hcloud:index/volumeAttachment:VolumeAttachment`."""

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import Api, Json, delete_if_there, retry
from offline.toolchain.plugins.hcloud.labels import check_labels

KEPT = ("automount", "format")
"""Inputs that the API does not tell back."""


class Volumes:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {"name": inputs["name"], "size": inputs["size"], "labels": inputs.get("labels", {})}
        body |= {name: inputs[name] for name in ("location", "format") if inputs.get(name)}
        answer = retry(operation, ("locked",), lambda: api.request("POST", "/volumes", body))
        id_ = str(answer["volume"]["id"])
        operation.exists(id_, {"deleteProtection": False})
        api.settle(operation, answer)
        if inputs.get("deleteProtection"):
            self._protect(api, operation, id_)
        return id_, _state(api.request("GET", f"/volumes/{id_}")["volume"], inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        volume = api.find(f"/volumes/{operation.id}", "volume")
        return (str(volume["id"]), _state(volume, operation.state)) if volume else None

    def update(self, api: Api, operation: Operation) -> Values:
        inputs, path = operation.inputs, f"/volumes/{operation.id}"
        body = {name: inputs.get(name, {}) for name in ("name", "labels") if operation.changed(name)}
        if body:
            api.request("PUT", path, body)
        if operation.changed("size"):
            api.act(operation, "POST", f"{path}/actions/resize", {"size": inputs["size"]})
        if operation.changed("deleteProtection"):
            self._protect(api, operation, operation.id)
        return _state(api.request("GET", path)["volume"], inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        detach(api, operation)
        path = f"/volumes/{operation.id}"
        retry(operation, ("conflict", "locked", "resource_in_use"), lambda: delete_if_there(api, path))

    def _protect(self, api: Api, operation: Operation, id_: str) -> None:
        body: Json = {"delete": bool(operation.inputs.get("deleteProtection"))}
        api.act(operation, "POST", f"/volumes/{id_}/actions/change_protection", body)


class Attachments:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        id_ = str(inputs["volumeId"])
        attach(api, operation, id_, inputs["serverId"], inputs.get("automount"))
        found = self._find(api, id_, inputs)
        if found is None:
            raise ProviderError(f"volume {id_} is not attached to a server although the API said so")
        return id_, found

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        found = self._find(api, operation.id, operation.state)
        return (operation.id, found) if found else None

    def update(self, api: Api, operation: Operation) -> Values:  # noqa: ARG002
        """Nothing: another `automount` is written down, and that is all."""
        return {**operation.state, **operation.inputs}

    def delete(self, api: Api, operation: Operation) -> None:
        detach(api, operation)

    def _find(self, api: Api, id_: str, known: Values) -> Values | None:
        volume = api.find(f"/volumes/{id_}", "volume")
        if not volume or not volume["server"]:
            return None
        return {"volumeId": volume["id"], "serverId": volume["server"], "automount": known.get("automount") or False}


def attach(api: Api, operation: Operation, volume: str, server: int, automount: bool | None) -> None:
    """Attach a volume; a server that is busy with another action is tried again."""
    body: Json = {"server": server} | ({"automount": automount} if automount else {})
    path = f"/volumes/{volume}/actions/attach"
    answer = retry(operation, ("locked",), lambda: api.request("POST", path, body))
    operation.exists(volume)
    api.settle(operation, answer)


def detach(api: Api, operation: Operation) -> None:
    """Detach the operation's volume if it is attached, and exists."""
    volume = api.find(f"/volumes/{operation.id}", "volume")
    if volume and volume["server"]:
        path = f"/volumes/{operation.id}/actions/detach"
        api.settle(operation, retry(operation, ("locked",), lambda: api.request("POST", path)))


def _state(volume: Json, known: Values) -> Values:
    return {
        "name": volume["name"],
        "size": volume["size"],
        "location": volume["location"]["name"],
        "labels": volume["labels"],
        "linuxDevice": volume["linux_device"],
        "deleteProtection": volume["protection"]["delete"],
        "serverId": volume["server"],
        **{name: known.get(name) for name in KEPT},
    }


VOLUME = ResourceType(
    token="hcloud:index/volume:Volume",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.VolumeArgs, pulumi_hcloud.Volume),
    operations=Volumes(),
    autoname="name",
    plan_defaults={"deleteProtection": False},
    replace_on=frozenset({"location"}),
    computed=frozenset({"location", "serverId"}),
    delete_first="if named",
    refused=frozenset({"serverId", "automount"}),
    check=check_labels,
)

VOLUME_ATTACHMENT = ResourceType(
    token="hcloud:index/volumeAttachment:VolumeAttachment",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.VolumeAttachmentArgs, pulumi_hcloud.VolumeAttachment),
    operations=Attachments(),
    replace_on=frozenset({"volumeId", "serverId"}),
    computed=frozenset({"automount"}),
)
