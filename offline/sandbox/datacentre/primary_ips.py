"""Primary IPs (https://docs.hetzner.cloud, "Primary IPs"): addresses that outlive the server they are assigned to."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.actions import Action, Work
from offline.sandbox.datacentre.cloud import Cloud, pointer_entries
from offline.sandbox.datacentre.errors import ApiError, conflict, protected
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import PrimaryIp, Server
from offline.sandbox.datacentre.resource import ResourceHandler, find_server, read_form, start_protection


def assign(ip: PrimaryIp, server: Server) -> None:
    ip.server = server.id
    if ip.type == "ipv4":
        server.ipv4 = ip.id
    else:
        server.ipv6 = ip.id


def new_address(cloud: Cloud, ip_type: str) -> str:
    address = cloud.project.new_address(ip_type)
    if address is None:
        raise ApiError(403, "resource_limit_exceeded", "primary IP limit exceeded")
    return address


def pointer_work(cloud: Cloud, ip: PrimaryIp, form: Form) -> Work:
    """Read a change_dns_ptr request and return what the action has to do; `dns_ptr` null restores the default."""
    address = form.required_text("ip")
    name = form.text("dns_ptr")
    try:
        if ip_address(address) not in ip_network(ip.ip):
            form.wrong("ip", "does not belong to this resource")
    except ValueError:
        form.wrong("ip", "is not an IP address")
    form.check()

    async def work() -> None:
        await cloud.point(ip, str(ip_address(address)), name)

    return work


class PrimaryIps(ResourceHandler[PrimaryIp]):
    kind = "primary_ip"
    filters = ("name", "ip")

    def json(self, entry: PrimaryIp) -> dict[str, Any]:
        return {
            "id": entry.id,
            "name": entry.name,
            "labels": entry.labels,
            "created": entry.created,
            "blocked": False,
            "location": entry.location.json(),
            "ip": entry.ip,
            "dns_ptr": pointer_entries(entry),
            "protection": {"delete": entry.delete_protection},
            "type": entry.type,
            "auto_delete": entry.auto_delete,
            # "unassigned" since 1 August 2026: https://docs.hetzner.cloud/changelog, 2026-04-27
            "assignee_type": "unassigned" if entry.server is None else "server",
            "assignee_id": entry.server,
        }

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        ip_type = form.required_choice("type", ("ipv4", "ipv6"))
        auto_delete = form.flag("auto_delete", False)
        labels = form.labels() or {}
        if form.has("assignee_id"):
            form.wrong("assignee_id", "is not supported by the sandbox when an address is made")
        location = self._location(form)
        name = self.name(form)
        ip = PrimaryIp(
            id=self.cloud.project.new_id(),
            name=name,
            labels=labels,
            type=ip_type,
            ip=new_address(self.cloud, ip_type),
            location=location or catalogue.LOCATIONS[0],
            auto_delete=auto_delete,
        )
        self.table[ip.id] = ip
        await self.cloud.point_new(ip)
        return web.json_response({"primary_ip": self.json(ip), "action": None}, status=201)

    def _location(self, form: Form) -> catalogue.Location | None:
        wanted = form.id_or_name("location")
        if wanted is None:
            form.wrong("location", "is required")
            return None
        location = catalogue.location(wanted)
        if location is None:
            form.wrong("location", f"location '{wanted}' does not exist")
        return location

    def apply_update(self, entry: PrimaryIp, form: Form) -> None:
        auto_delete = form.flag("auto_delete", entry.auto_delete)
        form.check()
        entry.auto_delete = auto_delete

    async def delete(self, request: web.Request) -> web.Response:
        ip = self.find(request)
        self.cloud.actions.require_unlocked(("primary_ip", ip.id))
        if ip.delete_protection:
            raise protected(self.kind)
        if ip.server is not None:
            raise conflict(422, "must_be_unassigned", "primary IP must be unassigned before it can be deleted")
        await release(self.cloud, ip)
        return web.Response(status=204)

    def commands(self) -> Mapping[str, Callable[[PrimaryIp, Form], list[Action] | Action]]:
        return {
            "assign": self._assign,
            "unassign": self._unassign,
            "change_dns_ptr": self._change_dns_ptr,
            "change_protection": lambda entry, form: start_protection(self.cloud, self.kind, entry, form),
        }

    def _assign(self, ip: PrimaryIp, form: Form) -> Action:
        form.required_choice("assignee_type", ("server",))
        number = form.required_number("assignee_id")
        form.check()
        server = find_server(self.cloud, number)
        self.cloud.actions.require_unlocked(("primary_ip", ip.id), ("server", server.id))
        if ip.server is not None:
            raise conflict(422, "primary_ip_already_assigned", "primary IP is already assigned")
        if ip.location != server.location:
            raise conflict(422, "primary_ip_datacenter_mismatch", "primary IP is in a different location")
        if server.status != "off":
            raise conflict(422, "server_not_stopped", "server must be stopped")
        if (server.ipv4 if ip.type == "ipv4" else server.ipv6) is not None:
            raise conflict(422, f"server_has_{ip.type}", f"server already has an {ip.type} address")

        async def work() -> None:
            assign(ip, server)

        return self.cloud.actions.start("assign_primary_ip", [("server", server.id), ("primary_ip", ip.id)], work)

    def _unassign(self, ip: PrimaryIp, _form: Form) -> Action:
        if ip.server is None:
            raise conflict(422, "invalid_input", "primary IP is not assigned")
        server = self.cloud.project.server[ip.server]
        self.cloud.actions.require_unlocked(("primary_ip", ip.id), ("server", server.id))
        if server.status != "off":
            raise conflict(422, "server_not_stopped", "server must be stopped")

        async def work() -> None:
            unassign(ip, server)

        return self.cloud.actions.start("unassign_primary_ip", [("server", server.id), ("primary_ip", ip.id)], work)

    def _change_dns_ptr(self, ip: PrimaryIp, form: Form) -> Action:
        return self.cloud.actions.start("change_dns_ptr", [("primary_ip", ip.id)], pointer_work(self.cloud, ip, form))


def unassign(ip: PrimaryIp, server: Server) -> None:
    ip.server = None
    if server.ipv4 == ip.id:
        server.ipv4 = None
    if server.ipv6 == ip.id:
        server.ipv6 = None


async def release(cloud: Cloud, ip: PrimaryIp) -> None:
    """Delete a primary IP with its PTR records."""
    del cloud.project.primary_ip[ip.id]
    await cloud.unpoint(ip)
