"""Firewalls (https://docs.hetzner.cloud, "Firewalls"): rules for the servers that a label selector fits."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.errors import ApiError, conflict
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.labels import parse_selector
from offline.sandbox.datacentre.model import Firewall, Rule
from offline.sandbox.datacentre.resource import ResourceHandler, read_form

PROTOCOLS = ("tcp", "udp", "icmp", "esp", "gre")
PEERS = {"in": "source_ips", "out": "destination_ips"}
MAX_RULES = 50
PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def parse_rules(form: Form, field: str = "rules") -> list[Rule]:
    """The rules in the form; what is wrong with one is reported under its place, such as `rules.2.port`."""
    entries = form.items(field)
    if len(entries) > MAX_RULES:
        form.wrong(field, f"must be at most {MAX_RULES}")
    rules = []
    for place, entry in enumerate(entries):
        inner = Form(entry)
        rules.append(_parse_rule(inner))
        for name, reason in inner.problems.items():
            form.wrong(f"{field}.{place}.{name}", reason)
    return rules


def _parse_rule(form: Form) -> Rule:
    direction = form.required_choice("direction", PEERS)
    protocol = form.required_choice("protocol", PROTOCOLS)
    peers_field = PEERS.get(direction, "source_ips")
    peers = form.items(peers_field)
    if not peers:
        form.wrong(peers_field, "must not be empty")
    other_field = "destination_ips" if peers_field == "source_ips" else "source_ips"
    if form.items(other_field):
        form.wrong(other_field, f"must be empty for direction '{direction}'")
    for peer in peers:
        try:
            if "/" not in peer:
                raise ValueError
            ip_network(peer)
        except (ValueError, TypeError):
            form.wrong(peers_field, f"'{peer}' is not a network in CIDR notation with its host bits zero")
    return Rule(direction, protocol, _port(form, protocol), tuple(map(str, peers)), form.text("description"))


def _port(form: Form, protocol: str) -> str | None:
    port = form.text("port")
    if protocol not in ("tcp", "udp"):
        if port is not None:
            form.wrong("port", f"must not be set for protocol '{protocol}'")
        return None
    found = PORT.fullmatch(port or "")
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if port != "any" and not 1 <= low <= high <= 65535:
        form.wrong("port", "must be a port, a range such as '80-85', or 'any'")
    return port


def rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "direction": rule.direction,
        "protocol": rule.protocol,
        "port": rule.port,
        "source_ips": list(rule.peers) if rule.direction == "in" else [],
        "destination_ips": list(rule.peers) if rule.direction == "out" else [],
        "description": rule.description,
    }


class Firewalls(ResourceHandler[Firewall]):
    kind = "firewall"

    def json(self, entry: Firewall) -> dict[str, Any]:
        selected = [
            {
                "type": "label_selector",
                "label_selector": {"selector": selector},
                "applied_to_resources": [
                    {"type": "server", "server": {"id": server.id}}
                    for server in self.cloud.project.server.values()
                    if entry.selects(selector, server)
                ],
            }
            for selector in entry.selectors
        ]
        return {
            "id": entry.id,
            "name": entry.name,
            "labels": entry.labels,
            "created": entry.created,
            "rules": [rule_json(rule) for rule in entry.rules],
            "applied_to": selected,
        }

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        rules = parse_rules(form)
        labels = form.labels() or {}
        selectors = self._selectors(form, "apply_to")
        name = self.name(form)
        firewall = Firewall(id=self.cloud.project.new_id(), name=name, labels=labels, rules=rules)
        self.table[firewall.id] = firewall
        actions = [
            self._start("set_firewall_rules", firewall),
            *(self._start_apply(firewall, selector) for selector in selectors),
        ]
        answer = {"firewall": self.json(firewall), "actions": [action.json() for action in actions]}
        return web.json_response(answer, status=201)

    async def delete(self, request: web.Request) -> web.Response:
        firewall = self.find(request)
        if firewall.selectors:
            raise conflict(422, "resource_in_use", f"firewall with ID '{firewall.id}' is still in use")
        del self.table[firewall.id]
        await self.cloud.refilter()
        return web.Response(status=204)

    def commands(self) -> Mapping[str, Callable[[Firewall, Form], list[Action] | Action]]:
        return {
            "set_rules": self._set_rules,
            "apply_to_resources": self._apply_to_resources,
            "remove_from_resources": self._remove_from_resources,
        }

    def _set_rules(self, firewall: Firewall, form: Form) -> list[Action]:
        if not form.has("rules"):
            form.wrong("rules", "is required")
        rules = parse_rules(form)
        form.check()
        firewall.rules = rules
        return [self._start("set_firewall_rules", firewall)]

    def _apply_to_resources(self, firewall: Firewall, form: Form) -> list[Action]:
        selectors = self._selectors(form, "apply_to")
        form.check()
        for selector in selectors:
            if selector in firewall.selectors:
                raise conflict(422, "firewall_already_applied", f"firewall is already applied to '{selector}'")
        return [self._start_apply(firewall, selector) for selector in selectors]

    def _remove_from_resources(self, firewall: Firewall, form: Form) -> list[Action]:
        selectors = self._selectors(form, "remove_from")
        form.check()
        for selector in selectors:
            if selector not in firewall.selectors:
                raise conflict(404, "firewall_resource_not_found", f"firewall is not applied to '{selector}'")
        return [self._start_remove(firewall, selector) for selector in selectors]

    def _selectors(self, form: Form, field: str) -> list[str]:
        selectors: list[str] = []
        for place, entry in enumerate(form.items(field)):
            target = Form(entry)
            if target.raw("type") != "label_selector":
                form.wrong(f"{field}.{place}.type", "is not supported by the sandbox, only label_selector is")
                continue
            selector = Form(target.raw("label_selector")).required_text("selector")
            try:
                parse_selector(selector)
            except ValueError as error:
                form.wrong(f"{field}.{place}.label_selector", str(error))
            if selector in selectors:
                raise ApiError(422, "server_already_added", f"'{selector}' is given more than once")
            selectors.append(selector)
        return selectors

    def _start(self, command: str, firewall: Firewall) -> Action:
        return self.cloud.actions.start(command, [("firewall", firewall.id)], self.cloud.refilter)

    def _start_apply(self, firewall: Firewall, selector: str) -> Action:
        firewall.selectors.append(selector)
        return self._start("apply_firewall", firewall)

    def _start_remove(self, firewall: Firewall, selector: str) -> Action:
        firewall.selectors.remove(selector)
        return self._start("remove_firewall", firewall)
