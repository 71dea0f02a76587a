"""`hcloud:index/sshKey:SshKey`."""

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import Api, Json, delete_if_there
from offline.toolchain.plugins.hcloud.labels import check_labels


class SshKeys:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {"name": inputs["name"], "public_key": inputs["publicKey"], "labels": inputs["labels"]}
        key = api.request("POST", "/ssh_keys", body)["ssh_key"]
        return str(key["id"]), _state(key)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        key = api.find(f"/ssh_keys/{operation.id}", "ssh_key")
        return (str(key["id"]), _state(key)) if key else None

    def update(self, api: Api, operation: Operation) -> Values:
        body = {name: operation.inputs[name] for name in ("name", "labels") if operation.changed(name)}
        return _state(api.request("PUT", f"/ssh_keys/{operation.id}", body)["ssh_key"])

    def delete(self, api: Api, operation: Operation) -> None:
        delete_if_there(api, f"/ssh_keys/{operation.id}")


def _state(key: Json) -> Values:
    return {
        "name": key["name"],
        "publicKey": key["public_key"],
        "fingerprint": key["fingerprint"],
        "labels": key["labels"],
    }


SSH_KEY = ResourceType(
    token="hcloud:index/sshKey:SshKey",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.SshKeyArgs, pulumi_hcloud.SshKey),
    operations=SshKeys(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    autoname="name",
    plan_defaults={"labels": {}},
    replace_on=frozenset({"publicKey"}),
    check=check_labels,
)
