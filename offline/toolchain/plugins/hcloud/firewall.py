"""`hcloud:index/firewall:Firewall`."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from typing import Any

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.common.values import Unknown
from offline.toolchain.plugins.hcloud.api import RETRIES, Api, ApiError, Json, delete_if_there, retry
from offline.toolchain.plugins.hcloud.labels import check_labels

GONE = ("firewall_resource_not_found", "not_found")


class Firewalls:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {
            "name": inputs["name"],
            "labels": inputs.get("labels", {}),
            "rules": [_to_rule(rule) for rule in inputs.get("rules", [])],
            "apply_to": [_to_target(target) for target in inputs.get("applyTos", [])],
        }
        answer = api.request("POST", "/firewalls", body)
        id_ = str(answer["firewall"]["id"])
        operation.exists(id_)
        api.settle(operation, answer)
        return id_, _state(api.request("GET", f"/firewalls/{id_}")["firewall"])

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        firewall = api.find(f"/firewalls/{operation.id}", "firewall")
        return (str(firewall["id"]), _state(firewall)) if firewall else None

    def update(self, api: Api, operation: Operation) -> Values:
        inputs, path = operation.inputs, f"/firewalls/{operation.id}"
        body: Json = {name: inputs[name] for name in ("name", "labels") if name in inputs and operation.changed(name)}
        if body:
            api.request("PUT", path, body)
        if operation.changed("rules"):
            rules = [_to_rule(rule) for rule in inputs.get("rules", [])]
            api.act(operation, "POST", f"{path}/actions/set_rules", {"rules": rules})
        if "applyTos" in inputs and operation.changed("applyTos"):
            old = [_to_target(target) for target in operation.state.get("applyTos") or []]
            new = [_to_target(target) for target in inputs["applyTos"]]
            self._apply(api, operation, "remove_from", [target for target in old if target not in new])
            self._apply(api, operation, "apply_to", [target for target in new if target not in old])
        return _state(api.request("GET", path)["firewall"])

    def delete(self, api: Api, operation: Operation) -> None:
        path = f"/firewalls/{operation.id}"
        firewall = api.find(path, "firewall")
        if firewall is None:
            return
        targets = [_to_target(_from_target(target)) for target in firewall["applied_to"]]
        self._apply(api, operation, "remove_from", targets)
        # Detaching can take longer than its action says.
        retry(operation, ("conflict", "resource_in_use"), lambda: delete_if_there(api, path), 2 * RETRIES)

    def _apply(self, api: Api, operation: Operation, verb: str, targets: list[Json]) -> None:
        if not targets:
            return
        key = "apply_to" if verb == "apply_to" else "remove_from"
        try:
            api.act(operation, "POST", f"/firewalls/{operation.id}/actions/{verb}_resources", {key: targets})
        except ApiError as error:
            if verb != "remove_from" or error.code not in GONE:
                raise


def canonical_network(value: str) -> str:
    """An address or network as the API returns it: lower case, shortest form, always with a prefix length."""
    try:
        return str(ip_interface(value))
    except ValueError:
        return value


def _canonical(value: Any) -> Any:
    """`canonical_network` for one or all of a list, of which some may be unknown."""
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return canonical_network(value) if isinstance(value, str) else value


def _to_rule(rule: Json) -> Json:
    return {
        "direction": rule["direction"],
        "protocol": rule["protocol"],
        "port": rule.get("port") or None,
        "source_ips": [canonical_network(ip) for ip in rule.get("sourceIps") or []],
        "destination_ips": [canonical_network(ip) for ip in rule.get("destinationIps") or []],
        "description": rule.get("description") or None,
    }


def _to_target(target: Json) -> Json:
    return {"type": "label_selector", "label_selector": {"selector": target["labelSelector"]}}


def _from_target(target: Json) -> Json:
    return {"labelSelector": target["label_selector"]["selector"], "server": 0}


def _state(firewall: Json) -> Values:
    rules = [
        {
            "direction": rule["direction"],
            "protocol": rule["protocol"],
            "port": rule.get("port") or "",
            "sourceIps": rule.get("source_ips") or [],
            "destinationIps": rule.get("destination_ips") or [],
            "description": rule.get("description") or "",
        }
        for rule in firewall["rules"]
    ]
    targets = [_from_target(target) for target in firewall["applied_to"]]
    return {"name": firewall["name"], "labels": firewall["labels"], "rules": rules, "applyTos": targets}


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    yield from check_labels(inputs)
    targets, rules = inputs.get("applyTos") or [], inputs.get("rules") or []
    for index, target in enumerate([] if isinstance(targets, Unknown) else targets):
        if not isinstance(target, Unknown) and not target.get("labelSelector"):
            yield f"applyTos[{index}]", "the stand-in for the hcloud plugin applies firewalls by labelSelector only"
    for index, rule in enumerate([] if isinstance(rules, Unknown) else rules):
        if isinstance(rule, Unknown):
            continue
        where = f"rules[{index}]"
        if rule["direction"] not in ("in", "out"):
            yield f"{where}.direction", f"{rule['direction']} is not a valid direction"
        if rule["protocol"] not in ("icmp", "tcp", "udp", "esp", "gre"):
            yield f"{where}.protocol", f"{rule['protocol']} is not a valid protocol"
        for side in ("sourceIps", "destinationIps"):
            for ip in _known(rule.get(side)):
                problem = _network_problem(ip)
                if problem:
                    yield f"{where}.{side}", problem


def _known(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _network_problem(value: str) -> str:
    try:
        interface = ip_interface(value)
    except ValueError:
        return f"invalid CIDR address: {value}"
    if "/" in value and ip_address(interface.ip) != interface.network.network_address:
        return f"{value} is not the start of the cidr block {interface.network}"
    return ""


FIREWALL = ResourceType(
    token="hcloud:index/firewall:Firewall",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.FirewallArgs, pulumi_hcloud.Firewall),
    operations=Firewalls(),
    autoname="name",
    computed=frozenset({"labels", "applyTos", "applyTos.labelSelector", "applyTos.server"}),
    sets=frozenset({"rules", "applyTos", "rules.sourceIps", "rules.destinationIps"}),
    canonical={"rules.sourceIps": _canonical, "rules.destinationIps": _canonical},
    delete_first="if named",
    check=_check,
)
