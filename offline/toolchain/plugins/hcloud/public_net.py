"""A server's public addresses: which primary IPs it has, at creation and when that changes."""

from typing import Any

from offline.toolchain.plugins.common.resource import Operation, ProviderError
from offline.toolchain.plugins.hcloud.api import Api, Json, retry

FAMILIES = ("ipv4", "ipv6")


def create_options(blocks: Any) -> Json:
    """The API's `public_net` of a server creation, from the program's block."""
    return {**_primary_ips(blocks), "enable_ipv4": True, "enable_ipv6": True}


def update_public_net(api: Api, operation: Operation, server: Json) -> None:
    """Bring the addresses of a server to what the inputs say. The API wants the server off for that."""
    wanted = _primary_ips(operation.inputs.get("publicNets"))
    path = f"/servers/{operation.id}/actions"
    api.act(operation, "POST", f"{path}/poweroff")
    try:
        for family, number in wanted.items():
            current = (server["public_net"].get(family) or {}).get("id")
            if current != number:
                if current:
                    api.act(operation, "POST", f"/primary_ips/{current}/actions/unassign")
                body: Json = {"assignee_id": server["id"], "assignee_type": "server"}
                api.act(operation, "POST", f"/primary_ips/{number}/actions/assign", body)
    finally:
        retry(operation, ("conflict", "locked"), lambda: api.act(operation, "POST", f"{path}/poweron"))


def _primary_ips(blocks: Any) -> dict[str, int]:
    """The number of each family's primary IP; raises ProviderError where the block does not name both."""
    block = blocks[0] if blocks else {}
    if not all(block.get(family) and block.get(f"{family}Enabled", True) for family in FAMILIES):
        raise ProviderError("publicNets: this stand-in knows servers with a primary IP for ipv4 and one for ipv6 only")
    return {family: int(block[family]) for family in FAMILIES}
