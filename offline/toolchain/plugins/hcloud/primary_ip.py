"""`hcloud:index/primaryIp:PrimaryIp`."""

from collections.abc import Iterator

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import RETRIES, Api, ApiError, Json, delete_if_there, retry
from offline.toolchain.plugins.hcloud.labels import check_labels


class PrimaryIps:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {
            "name": inputs["name"],
            "type": inputs["type"],
            "auto_delete": inputs["autoDelete"],
            "labels": inputs["labels"],
            "location": inputs["location"],
        }
        answer = api.request("POST", "/primary_ips", body)
        path = f"/primary_ips/{answer['primary_ip']['id']}"
        operation.exists(str(answer["primary_ip"]["id"]), {"deleteProtection": False})
        api.settle(operation, answer)
        if inputs["deleteProtection"]:
            api.act(operation, "POST", f"{path}/actions/change_protection", {"delete": True})
        address = api.request("GET", path)["primary_ip"]
        return str(address["id"]), _state(address)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        address = api.find(f"/primary_ips/{operation.id}", "primary_ip")
        return (str(address["id"]), _state(address)) if address else None

    def update(self, api: Api, operation: Operation) -> Values:
        inputs, path = operation.inputs, f"/primary_ips/{operation.id}"
        if operation.changed("deleteProtection"):
            body: Json = {"delete": inputs["deleteProtection"]}
            api.act(operation, "POST", f"{path}/actions/change_protection", body)
        fields = {"name": "name", "labels": "labels", "autoDelete": "auto_delete"}
        body = {field: inputs[name] for name, field in fields.items() if operation.changed(name)}
        return _state(api.request("PUT", path, body)["primary_ip"])

    def delete(self, api: Api, operation: Operation) -> None:
        path = f"/primary_ips/{operation.id}"
        server = operation.state.get("assigneeId")
        if server and operation.state.get("assigneeType") == "server":
            self._release(api, operation, server)
        # Right after its server was deleted, an address can still count as assigned.
        busy = ("conflict", "locked", "must_be_unassigned", "resource_in_use", "service_error", "unprocessable_entity")
        retry(operation, busy, lambda: delete_if_there(api, path), 2 * RETRIES)

    def _release(self, api: Api, operation: Operation, server_id: int) -> None:
        """Take the address from its server, which has to be off meanwhile."""
        server = api.find(f"/servers/{server_id}", "server")
        held = [net["id"] for net in (server or {}).get("public_net", {}).values() if isinstance(net, dict) and net]
        if int(operation.id) not in held:
            return
        for path in (
            f"/servers/{server_id}/actions/poweroff",
            f"/primary_ips/{operation.id}/actions/unassign",
            f"/servers/{server_id}/actions/poweron",
        ):
            try:
                answer = api.request("POST", path)
            except ApiError:
                # The server may be going away at the same time; whether the address is free shows at its deletion.
                continue
            api.settle(operation, answer)


def _state(address: Json) -> Values:
    return {
        "name": address["name"],
        "type": address["type"],
        "ipAddress": _address(address["ip"]),
        "ipNetwork": address["ip"] if address["type"] == "ipv6" else None,
        "location": address["location"]["name"],
        "assigneeId": address["assignee_id"] or 0,
        "assigneeType": address["assignee_type"],
        "autoDelete": address["auto_delete"],
        "labels": address["labels"],
        "deleteProtection": address["protection"]["delete"],
    }


def _address(ip: str) -> str:
    """Of an IPv6 network its first address: `2001:db8::/64` gives `2001:db8::`."""
    return ip.partition("/")[0]


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    yield from check_labels(inputs)
    if "datacenter" in inputs:
        yield "datacenter", REMOVED


REMOVED = "Removed Attribute. The datacenter attribute was removed, use the location attribute instead"

PRIMARY_IP = ResourceType(
    token="hcloud:index/primaryIp:PrimaryIp",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.PrimaryIpArgs, pulumi_hcloud.PrimaryIp),
    operations=PrimaryIps(),
    required=frozenset({"location"}),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    autoname="name",
    plan_defaults={"autoDelete": False, "deleteProtection": False, "labels": {}},
    replace_on=frozenset({"type", "location"}),
    computed=frozenset({"location", "datacenter", "assigneeId", "assigneeType"}),
    unknown_on_update=frozenset({"assigneeId", "assigneeType", "datacenter"}),
    refused=frozenset({"assigneeId", "assigneeType"}),
    check=_check,
)
