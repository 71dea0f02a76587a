"""`hcloud:index/rdns:Rdns`: the name that an address of a primary IP resolves to."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import Api, ApiError, Json


class ReverseNames:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        number, address = operation.inputs["primaryIpId"], str(ip_address(operation.inputs["ipAddress"]))
        id_ = f"p-{number}-{address}"
        return id_, self._change(api, operation, id_, operation.inputs["dnsPtr"])

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        number, address = _parse(operation.id)
        found = api.find(f"/primary_ips/{number}", "primary_ip")
        for pointer in (found or {}).get("dns_ptr", []):
            if str(ip_address(pointer["ip"])) == address:
                return operation.id, _state(number, address, pointer["dns_ptr"])
        return None

    def update(self, api: Api, operation: Operation) -> Values:
        return self._change(api, operation, operation.id, operation.inputs["dnsPtr"])

    def delete(self, api: Api, operation: Operation) -> None:
        try:
            self._change(api, operation, operation.id, None)
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _change(self, api: Api, operation: Operation, id_: str, name: str | None) -> Values:
        number, address = _parse(id_)
        body: Json = {"ip": address, "dns_ptr": name}
        api.act(operation, "POST", f"/primary_ips/{number}/actions/change_dns_ptr", body)
        return _state(number, address, name)


def _state(number: int, address: str, name: str | None) -> Values:
    return {"primaryIpId": number, "ipAddress": address, "dnsPtr": name}


def _parse(id_: str) -> tuple[int, str]:
    """The primary IP's number and the address of an id like `p-42-2001:db8::1`."""
    found = re.fullmatch(r"p-(\d+)-(.+)", id_)
    try:
        if found:
            return int(found[1]), str(ip_address(found[2]))
    except ValueError:
        pass
    raise ProviderError(f"Invalid ID. Expected 'p-$PRIMARY_IP_ID-$IP_ADDRESS', got '{id_}'")


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
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
    required=frozenset({"primaryIpId"}),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    replace_on=frozenset({"primaryIpId", "ipAddress"}),
    canonical={"ipAddress": lambda address: str(ip_address(address))},
    refused=frozenset({"serverId", "floatingIpId", "loadBalancerId"}),
    check=_check,
)
