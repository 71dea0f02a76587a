"""Storage Boxes (https://docs.hetzner.cloud/reference/hetzner, "Storage Boxes"): files behind SSH, and their owner."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.box_form import access_settings, new_password, snapshot_plan
from offline.sandbox.datacentre.errors import not_found, protected
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.hypervisor import BoxAccount
from offline.sandbox.datacentre.model import StorageBox
from offline.sandbox.datacentre.resource import ResourceHandler, read_form, start_protection
from offline.sandbox.datacentre.ssh_keys import fingerprint

ACCESS = ("reachable_externally", "samba_enabled", "ssh_enabled", "webdav_enabled", "zfs_enabled")


class StorageBoxes(ResourceHandler[StorageBox]):
    kind = "storage_box"

    @property
    def collection(self) -> str:
        return "storage_boxes"

    def json(self, entry: StorageBox) -> dict[str, Any]:
        made = entry.status != "initializing"
        locked = self.cloud.actions.locked(self.kind, entry.id)
        data, snapshots = entry.used
        return {
            "id": entry.id,
            "username": entry.username if made else None,
            "status": "locked" if made and locked else entry.status,
            "name": entry.name,
            "storage_box_type": entry.type.json(),
            "location": entry.location.json(),
            "access_settings": entry.access,
            "server": entry.server if made else None,
            "system": f"{entry.location.name.upper()}-BX1" if made else None,
            "stats": {"size": data + snapshots, "size_data": data, "size_snapshots": snapshots},
            "labels": entry.labels,
            "protection": {"delete": entry.delete_protection},
            "snapshot_plan": entry.plan,
            "created": entry.created,
        }

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get(r"/v1/storage_boxes/{id:\d+}/folders", self.folders)]

    async def list_all(self, request: web.Request) -> web.Response:
        for box in self.table.values():
            await self._measure(box)
        return await super().list_all(request)

    async def get(self, request: web.Request) -> web.Response:
        await self._measure(self.find(request))
        return await super().get(request)

    async def folders(self, request: web.Request) -> web.Response:
        box, path = self.find(request), request.query.get("path", "")
        try:
            return web.json_response({"folders": await self.cloud.hypervisor.boxes.folders(box.username, path)})
        except LookupError as error:
            raise not_found("folder", path) from error

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        kind, location = _type(form), _location(form)
        password = new_password(form)
        access = access_settings(form, "access_settings", dict.fromkeys(ACCESS, False))
        keys = [str(key) for key in form.items("ssh_keys")]
        for key in keys:
            try:
                fingerprint(key)
            except ValueError as error:
                form.wrong("ssh_keys", str(error))
        labels = form.labels() or {}
        name = self.name(form)
        box = StorageBox(
            id=self.cloud.project.new_id(),
            name=name,
            labels=labels,
            type=kind,
            location=location,
            password=password,
            ssh_keys=keys,
            access=access,
        )
        self.table[box.id] = box

        async def work() -> None:
            await self._put(box)
            box.status = "active"

        action = self._start("create", box, work)
        return web.json_response({"storage_box": self.json(box), "action": action.json()}, status=201)

    async def delete(self, request: web.Request) -> web.Response:
        box = self.find(request)
        self.cloud.actions.require_unlocked((self.kind, box.id))
        if box.delete_protection:
            raise protected(self.kind)

        async def work() -> None:
            await self.cloud.hypervisor.boxes.remove(box.username)
            project = self.cloud.project
            for table in (project.subaccount, project.snapshot):
                for number in [number for number, entry in table.items() if entry.box is box]:
                    del table[number]
            del self.table[box.id]

        return web.json_response({"action": self._start("delete", box, work).json()}, status=201)

    def commands(self) -> Mapping[str, Callable[[StorageBox, Form], list[Action] | Action]]:
        return {
            "change_protection": lambda entry, form: start_protection(self.cloud, self.kind, entry, form),
            "change_type": self._change_type,
            "reset_password": self._reset_password,
            "update_access_settings": self._update_access,
            "rollback_snapshot": self._roll_back,
            "enable_snapshot_plan": self._enable_plan,
            "disable_snapshot_plan": self._disable_plan,
        }

    def _change_type(self, box: StorageBox, form: Form) -> Action:
        kind = _type(form)

        async def work() -> None:
            box.type = kind

        return self._start("change_type", box, work)

    def _reset_password(self, box: StorageBox, form: Form) -> Action:
        password = new_password(form)
        form.check()

        async def work() -> None:
            box.password = password
            await self._put(box)

        return self._start("reset_password", box, work)

    def _update_access(self, box: StorageBox, form: Form) -> Action:
        access = access_settings(form, None, box.access)
        form.check()

        async def work() -> None:
            box.access = access
            await self._put(box)

        return self._start("update_access_settings", box, work)

    def _roll_back(self, box: StorageBox, form: Form) -> Action:
        wanted = form.id_or_name("snapshot")
        snapshots = [entry for entry in self.cloud.project.snapshot.values() if entry.box is box]
        found = next((entry for entry in snapshots if wanted in (entry.id, entry.name)), None)
        if found is None:
            raise not_found("snapshot", wanted)
        newer = [entry for entry in snapshots if entry.name > found.name]

        async def work() -> None:
            store = self.cloud.hypervisor.boxes
            await store.roll_back(box.username, found.name)
            for entry in newer:
                await store.remove_snapshot(box.username, entry.name)
                del self.cloud.project.snapshot[entry.id]

        return self._start("rollback_snapshot", box, work)

    def _enable_plan(self, box: StorageBox, form: Form) -> Action:
        plan = snapshot_plan(form, box.type.snapshots)
        form.check()

        async def work() -> None:
            box.plan = plan

        return self._start("enable_snapshot_plan", box, work)

    def _disable_plan(self, box: StorageBox, _form: Form) -> Action:
        async def work() -> None:
            box.plan = None

        return self._start("disable_snapshot_plan", box, work)

    def _start(self, command: str, box: StorageBox, work: Any) -> Action:
        """A box does one thing at a time."""
        self.cloud.actions.require_unlocked((self.kind, box.id))
        return self.cloud.actions.start(command, [(self.kind, box.id)], work)

    async def _put(self, box: StorageBox) -> None:
        account = BoxAccount(
            name=box.username,
            box=box.username,
            home="",
            password=box.password,
            keys=tuple(box.ssh_keys),
            ssh=box.access["ssh_enabled"],
            external=box.access["reachable_externally"],
            readonly=False,
            snapshots=box.access["zfs_enabled"],
        )
        await self.cloud.hypervisor.boxes.put(account)

    async def _measure(self, box: StorageBox) -> None:
        """See how full the box is; when nobody tells, the last figures stay."""
        with suppress(LookupError, OSError):
            box.used = await self.cloud.hypervisor.boxes.usage(box.username)


def _type(form: Form) -> catalogue.StorageBoxType:
    wanted = form.id_or_name("storage_box_type")
    kind = None if wanted is None else catalogue.box_type(wanted)
    if kind is None:
        form.wrong("storage_box_type", "is required" if wanted is None else "does not exist")
        form.check()
    return kind or catalogue.BOX_TYPES[0]


def _location(form: Form) -> catalogue.Location:
    wanted = form.id_or_name("location")
    location = None if wanted is None else catalogue.location(wanted)
    if location is None or location.name not in catalogue.BOX_LOCATIONS:
        form.wrong("location", f"must be one of: {', '.join(catalogue.BOX_LOCATIONS)}")
        form.check()
    return location or catalogue.LOCATIONS[0]
