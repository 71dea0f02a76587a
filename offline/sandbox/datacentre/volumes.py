"""Volumes (https://docs.hetzner.cloud, "Volumes"): disks that outlive the server they are attached to."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.errors import ApiError, conflict, protected
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import Volume
from offline.sandbox.datacentre.resource import ResourceHandler, find_server, read_form, start_protection

SMALLEST_GB = 10
LARGEST_GB = 10_240
FORMAT = "ext4"
NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62}[a-zA-Z0-9])?")


class Volumes(ResourceHandler[Volume]):
    kind = "volume"
    filters = ("name", "status")

    def json(self, entry: Volume) -> dict[str, Any]:
        return {
            "id": entry.id,
            "created": entry.created,
            "name": entry.name,
            "server": entry.server,
            "location": entry.location.json(),
            "size": entry.size_gb,
            "linux_device": entry.linux_device,
            "protection": {"delete": entry.delete_protection},
            "labels": entry.labels,
            "status": entry.status,
            "format": entry.format,
        }

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        size = form.required_number("size")
        if not SMALLEST_GB <= size <= LARGEST_GB:
            form.wrong("size", f"must be between {SMALLEST_GB} and {LARGEST_GB}")
        filesystem = form.text("format")
        if filesystem not in (None, FORMAT):
            form.wrong("format", f"is not supported by the sandbox, only {FORMAT} is")
        for unsupported in ("server", "automount"):
            if form.raw(unsupported):
                form.wrong(unsupported, "is not supported by the sandbox when a volume is made")
        labels = form.labels() or {}
        location = self._location(form)
        name = self.name(form)
        volume = Volume(
            id=self.cloud.project.new_id(),
            name=name,
            labels=labels,
            size_gb=size,
            location=location,
            format=filesystem,
        )
        self.table[volume.id] = volume

        async def work() -> None:
            await self.cloud.hypervisor.create_disk(volume.id, size, filesystem)
            volume.status = "available"

        action = self.cloud.actions.start("create_volume", [("volume", volume.id)], work)
        answer = {"volume": self.json(volume), "action": action.json(), "next_actions": []}
        return web.json_response(answer, status=201)

    def name(self, form: Form, entry: Volume | None = None) -> str:
        name = super().name(form, entry)
        if not NAME.fullmatch(name):
            form.wrong("name", "must be letters, digits, dashes, underscores and dots, at most 64")
            form.check()
        return name

    def _location(self, form: Form) -> catalogue.Location:
        wanted = form.id_or_name("location")
        location = None if wanted is None else catalogue.location(wanted)
        if location is None:
            form.wrong("location", "is required" if wanted is None else "does not exist")
            form.check()
        return location or catalogue.LOCATIONS[0]

    async def delete(self, request: web.Request) -> web.Response:
        volume = self.find(request)
        self.cloud.actions.require_unlocked(("volume", volume.id))
        if volume.delete_protection:
            raise protected(self.kind)
        if volume.server is not None:
            raise ApiError(422, "resource_in_use", f"volume is attached to server with ID '{volume.server}'")
        del self.table[volume.id]
        await self.cloud.hypervisor.destroy_disk(volume.id)
        return web.Response(status=204)

    def commands(self) -> Mapping[str, Callable[[Volume, Form], list[Action] | Action]]:
        return {
            "attach": self._attach,
            "detach": self._detach,
            "resize": self._resize,
            "change_protection": lambda entry, form: start_protection(self.cloud, self.kind, entry, form),
        }

    def _attach(self, volume: Volume, form: Form) -> Action:
        number = form.required_number("server")
        if form.raw("automount"):
            form.wrong("automount", "is not supported by the sandbox")
        form.check()
        server = find_server(self.cloud, number)
        self.cloud.actions.require_unlocked(("volume", volume.id), ("server", server.id))
        if volume.server is not None:
            raise conflict(422, "volume_already_attached", "volume is already attached to a server")
        if volume.location != server.location:
            raise ApiError(422, "invalid_input", "volume and server must be in the same location")

        async def work() -> None:
            volume.server = server.id
            if server.status == "running":
                await self.cloud.hypervisor.plug(volume.id, server.id)

        return self.cloud.actions.start("attach_volume", [("server", server.id), ("volume", volume.id)], work)

    def _detach(self, volume: Volume, _form: Form) -> Action:
        if volume.server is None:
            raise ApiError(422, "invalid_input", "volume is not attached to a server")
        server = self.cloud.project.server[volume.server]
        self.cloud.actions.require_unlocked(("volume", volume.id), ("server", server.id))

        async def work() -> None:
            if server.status == "running":
                await self.cloud.hypervisor.unplug(volume.id, server.id)
            volume.server = None

        return self.cloud.actions.start("detach_volume", [("server", server.id), ("volume", volume.id)], work)

    def _resize(self, volume: Volume, form: Form) -> Action:
        size = form.required_number("size")
        if not volume.size_gb < size <= LARGEST_GB:
            form.wrong("size", f"must be above {volume.size_gb} and at most {LARGEST_GB}: a volume can't shrink")
        form.check()
        self.cloud.actions.require_unlocked(("volume", volume.id))

        async def work() -> None:
            await self.cloud.hypervisor.resize_disk(volume.id, size)
            volume.size_gb = size

        return self.cloud.actions.start("resize_volume", [("volume", volume.id)], work)
