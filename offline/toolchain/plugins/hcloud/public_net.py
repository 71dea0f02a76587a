"""A server's public addresses: which primary IPs it has, at creation and when that changes."""

import secrets
from typing import Any

from offline.toolchain.plugins.common.resource import Operation, ProviderError
from offline.toolchain.plugins.hcloud.api import Api, Json, retry

FAMILIES = ("ipv4", "ipv6")


def create_options(block: Json) -> Json:
    """The API's `public_net` of a server creation, from the program's block."""
    options: Json = {}
    for family in FAMILIES:
        number = block.get(family) or None
        options[family] = number
        options[f"enable_{family}"] = bool(number or block.get(f"{family}Enabled", True))
    return options


def update_public_net(api: Api, operation: Operation, server: Json) -> None:
    """Bring the addresses of a server to what the inputs say. The API wants the server off for that."""
    old, new = _block(operation.state.get("publicNets")), _block(operation.inputs.get("publicNets"))
    for family in FAMILIES:
        if new.get(family) and not new.get(f"{family}Enabled", True):
            raise ProviderError(f"this operation is not allowed: {family}Enabled = false, {family} = {new[family]}")
    path = f"/servers/{operation.id}/actions"
    api.act(operation, "POST", f"{path}/poweroff")
    try:
        for family in FAMILIES:
            _update_family(api, operation, server, family, old, new)
    finally:
        retry(operation, ("conflict", "locked"), lambda: api.act(operation, "POST", f"{path}/poweron"))


def _update_family(api: Api, operation: Operation, server: Json, family: str, old: Json, new: Json) -> None:
    current = (server["public_net"].get(family) or {}).get("id")
    wanted, enabled = new.get(family), new.get(f"{family}Enabled", True)
    keep = current == wanted if wanted else enabled and current and not old.get(family)
    if keep:
        return
    if current:
        api.act(operation, "POST", f"/primary_ips/{current}/actions/unassign")
        # An address that no one named belongs to the server alone.
        if not old.get(family):
            api.request("DELETE", f"/primary_ips/{current}")
    if wanted:
        body: Json = {"assignee_id": server["id"], "assignee_type": "server"}
        api.act(operation, "POST", f"/primary_ips/{wanted}/actions/assign", body)
    elif enabled:
        body = {
            "name": f"primary_ip-{secrets.randbelow(9_000_000) + 1_000_000}",
            "type": family,
            "assignee_id": server["id"],
            "assignee_type": "server",
            "auto_delete": True,
        }
        api.act(operation, "POST", "/primary_ips", body)


def _block(blocks: Any) -> Json:
    """The one block of the list, or an empty one: the default, addresses that the API chooses."""
    return dict(blocks[0]) if blocks else {}
