"""Servers (https://docs.hetzner.cloud, "Servers"): create, show, rename, delete."""

from typing import Any

from aiohttp import web

from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.cloud import pointer_entries
from offline.sandbox.datacentre.errors import protected
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import PrimaryIp, Server
from offline.sandbox.datacentre.primary_ips import assign, new_address, release, unassign
from offline.sandbox.datacentre.resource import ResourceHandler, read_form
from offline.sandbox.datacentre.server_order import HOST_NAME, read_order


class ServerRecords(ResourceHandler[Server]):
    """The servers' life; `server_actions.Servers` adds what is done to them in between."""

    kind = "server"
    filters = ("name", "status")

    def json(self, entry: Server) -> dict[str, Any]:
        return {
            "id": entry.id,
            "name": entry.name,
            "status": entry.status,
            "created": entry.created,
            "public_net": {
                "ipv4": self._ipv4_json(entry),
                "ipv6": self._ipv6_json(entry),
                "floating_ips": [],
                "firewalls": [
                    {"id": firewall.id, "status": "applied"} for firewall in self.cloud.project.firewalls_of(entry)
                ],
            },
            "private_net": [],
            "server_type": entry.type.json(),
            "location": entry.location.json(),
            "image": entry.image.json(),
            "iso": None,
            "rescue_enabled": False,
            "locked": self.cloud.actions.locked("server", entry.id),
            "backup_window": None,
            "outgoing_traffic": 0,
            "ingoing_traffic": 0,
            "included_traffic": 20 * 1024**4,
            "protection": {"delete": entry.delete_protection, "rebuild": entry.rebuild_protection},
            "labels": entry.labels,
            "volumes": [volume.id for volume in self.cloud.project.volumes_of(entry)],
            "load_balancers": [],
            "primary_disk_size": entry.disk_gb,
            "placement_group": None,
        }

    def _ipv4_json(self, server: Server) -> dict[str, Any] | None:
        if server.ipv4 is None:
            return None
        ip = self.cloud.project.primary_ip[server.ipv4]
        return {"id": ip.id, "ip": ip.ip, "blocked": False, "dns_ptr": pointer_entries(ip)[0]["dns_ptr"]}

    def _ipv6_json(self, server: Server) -> dict[str, Any] | None:
        if server.ipv6 is None:
            return None
        ip = self.cloud.project.primary_ip[server.ipv6]
        return {"id": ip.id, "ip": ip.ip, "blocked": False, "dns_ptr": pointer_entries(ip)}

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        order = read_order(form, self.cloud)
        name = self.name(form)
        server = Server(
            id=self.cloud.project.new_id(),
            name=name,
            labels=order.labels,
            type=order.type,
            image=order.image,
            location=order.location,
            disk_gb=order.type.disk,
            user_data=order.user_data,
            ssh_keys=[key.public_key for key in order.ssh_keys],
        )
        for ip_type, wanted in (("ipv4", order.ipv4), ("ipv6", order.ipv6)):
            ip = self._new_primary_ip(ip_type, server) if wanted is True else wanted
            if ip:
                assign(ip, server)
        self.table[server.id] = server
        action = self.cloud.actions.start("create_server", [("server", server.id)], lambda: self._create(server))
        answer = {
            "server": self.json(server) | {"locked": True},
            "action": action.json(),
            "next_actions": [self.start_power_on(server, after=action).json()] if order.start else [],
            "root_password": None,  # the VPS image takes keys only
        }
        return web.json_response(answer, status=201)

    def _new_primary_ip(self, ip_type: str, server: Server) -> PrimaryIp:
        number = self.cloud.project.new_id()
        ip = PrimaryIp(
            id=number,
            name=f"primary_ip-{number}",
            labels={},
            type=ip_type,
            ip=new_address(self.cloud, ip_type),
            location=server.location,
            auto_delete=True,
        )
        self.cloud.project.primary_ip[number] = ip
        return ip

    async def _create(self, server: Server) -> None:
        if server.ipv4 is not None and self.cloud.project.primary_ip[server.ipv4].auto_delete:
            await self.cloud.point_new(self.cloud.project.primary_ip[server.ipv4])  # made along with the server
        await self.cloud.hypervisor.create(self.cloud.machine(server))
        server.status = "off"

    def start_power_on(self, server: Server, after: Action | None = None) -> Action:
        return self.cloud.actions.start("start_server", [("server", server.id)], lambda: self.switch_on(server), after)

    async def switch_on(self, server: Server) -> None:
        server.status = "starting"
        # The firewall stands before the machine is up, so that it is never naked.
        await self.cloud.refilter()
        await self.cloud.hypervisor.start(self.cloud.machine(server))
        server.status = "running"

    def name(self, form: Form, entry: Server | None = None) -> str:
        name = super().name(form, entry)
        if not HOST_NAME.fullmatch(name):
            form.wrong("name", "must be a valid hostname as per RFC 1123")
            form.check()
        return name

    async def updated(self) -> None:
        await self.cloud.refilter()

    async def delete(self, request: web.Request) -> web.Response:
        server = self.find(request)
        if server.delete_protection:
            raise protected(self.kind)
        self.cloud.actions.require_unlocked(("server", server.id))
        server.status = "deleting"
        action = self.cloud.actions.start("delete_server", [("server", server.id)], lambda: self._delete(server))
        return web.json_response({"action": action.json()})

    async def _delete(self, server: Server) -> None:
        await self.cloud.hypervisor.destroy(server.id)
        for volume in self.cloud.project.volumes_of(server):
            volume.server = None
        for number in (server.ipv4, server.ipv6):
            if number is not None:
                ip = self.cloud.project.primary_ip[number]
                unassign(ip, server)
                if ip.auto_delete:
                    await release(self.cloud, ip)
        del self.table[server.id]
        await self.cloud.refilter()
