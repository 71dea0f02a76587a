"""`hcloud:index/rdns:Rdns`: the name that an address of a server, primary IP, … resolves to."""

from collections.abc import Iterator
from ipaddress import ip_address

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import Api, ApiError, Json

OWNERS = {
    "serverId": ("s", "servers", "server"),
    "primaryIpId": ("p", "primary_ips", "primary_ip"),
    "floatingIpId": ("f", "floating_ips", "floating_ip"),
    "loadBalancerId": ("l", "load_balancers", "load_balancer"),
}
"""Input, letter in the id, path of the API and key in its answers of all that can own an address."""


class ReverseNames:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        owner = next(name for name in OWNERS if name in inputs)
        letter, path, _ = OWNERS[owner]
        address = str(ip_address(inputs["ipAddress"]))
        self._change(api, operation, f"/{path}/{inputs[owner]}", address, inputs["dnsPtr"])
        id_ = f"{letter}-{inputs[owner]}-{address}"
        return id_, {owner: inputs[owner], "ipAddress": address, "dnsPtr": inputs["dnsPtr"]}

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        owner, number, address = _parse(operation.id)
        _, path, key = OWNERS[owner]
        found = api.find(f"/{path}/{number}", key)
        name = _names(found).get(address) if found else None
        if name is None:
            return None
        return operation.id, {owner: number, "ipAddress": address, "dnsPtr": name}

    def update(self, api: Api, operation: Operation) -> Values:
        owner, number, address = _parse(operation.id)
        self._change(api, operation, f"/{OWNERS[owner][1]}/{number}", address, operation.inputs["dnsPtr"])
        return {owner: number, "ipAddress": address, "dnsPtr": operation.inputs["dnsPtr"]}

    def delete(self, api: Api, operation: Operation) -> None:
        owner, number, address = _parse(operation.id)
        try:
            self._change(api, operation, f"/{OWNERS[owner][1]}/{number}", address, None)
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _change(self, api: Api, operation: Operation, owner: str, address: str, name: str | None) -> None:
        body: Json = {"ip": address, "dns_ptr": name}
        api.act(operation, "POST", f"{owner}/actions/change_dns_ptr", body)


def _names(owner: Json) -> dict[str, str]:
    """The reverse names of an owner by address."""
    networks = [owner, *(net for net in owner.get("public_net", {}).values() if isinstance(net, dict))]
    names: dict[str, str] = {}
    for network in networks:
        pointers = network.get("dns_ptr") or []
        if isinstance(pointers, str):
            pointers = [{"ip": network["ip"], "dns_ptr": pointers}]
        names |= {str(ip_address(pointer["ip"])): pointer["dns_ptr"] for pointer in pointers}
    return names


def _parse(id_: str) -> tuple[str, int, str]:
    """The owner's input name, its number and the address of an id like `p-42-2001:db8::1`."""
    letter, _, rest = id_.partition("-")
    number, _, address = rest.partition("-")
    owner = next((name for name, (prefix, _, _) in OWNERS.items() if prefix == letter), None)
    try:
        if owner:
            return owner, int(number), str(ip_address(address))
    except ValueError:
        pass
    raise ProviderError(f"Invalid ID. Expected '$RESOURCE_PREFIX-$RESOURCE_ID-$IP_ADDRESS', got '{id_}'")


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    if sum(name in inputs for name in OWNERS) != 1:
        options = ",".join(OWNERS)
        yield "", f"Invalid Attribute Combination. Exactly one of these attributes must be configured: [{options}]"
    address = inputs["ipAddress"]
    if isinstance(address, str):
        try:
            ip_address(address)
        except ValueError:
            yield "ipAddress", f"Invalid Attribute Value. Attribute ipAddress must be a valid ip, got: {address}"


RDNS = ResourceType(
    token="hcloud:index/rdns:Rdns",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.RdnsArgs, pulumi_hcloud.Rdns),
    operations=ReverseNames(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    replace_on=frozenset({*OWNERS, "ipAddress"}),
    canonical={"ipAddress": lambda address: str(ip_address(address))},
    check=_check,
)
