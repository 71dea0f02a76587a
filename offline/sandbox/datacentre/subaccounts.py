"""Subaccounts of Storage Boxes: who may only see one folder of the box."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.box_form import access_settings, new_password
from offline.sandbox.datacentre.box_parts import BoxParts
from offline.sandbox.datacentre.errors import ApiError, not_unique
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.hypervisor import BoxAccount
from offline.sandbox.datacentre.model import Subaccount
from offline.sandbox.datacentre.resource import MAX_NAME_LENGTH, read_form

ACCESS = ("reachable_externally", "samba_enabled", "ssh_enabled", "webdav_enabled", "readonly")
MOST = 100


class Subaccounts(BoxParts[Subaccount]):
    kind = "subaccount"
    filters = ("name", "username")

    def json(self, entry: Subaccount) -> dict[str, Any]:
        return {
            "id": entry.id,
            "name": entry.name,
            "username": entry.username,
            "home_directory": entry.home,
            "server": entry.server,
            "access_settings": entry.access,
            "description": entry.description,
            "labels": entry.labels,
            "created": entry.created,
            "storage_box": entry.box.id,
        }

    async def create(self, request: web.Request) -> web.Response:
        box = self.box(request)
        form = await read_form(request)
        home = _home(form)
        password = new_password(form)
        access = access_settings(form, "access_settings", dict.fromkeys(ACCESS, False))
        description = form.text("description") or ""
        labels = form.labels() or {}
        name = form.text("name", maximum=MAX_NAME_LENGTH)
        form.check()
        others = self.listed(request)
        self.cloud.actions.require_unlocked(("storage_box", box.id))
        if len(others) >= MOST:
            raise ApiError(403, "resource_limit_exceeded", "subaccount limit exceeded")
        if name is not None and any(other.name == name for other in others):
            raise not_unique(self.kind, "name")
        box.subaccounts_made += 1
        entry = Subaccount(
            id=self.cloud.project.new_id(),
            name="",
            labels=labels,
            box=box,
            number=box.subaccounts_made,
            home=home,
            password=password,
            access=access,
            description=description,
        )
        entry.name = name or entry.username
        self.table[entry.id] = entry
        action = self.start("create_subaccount", entry, lambda: self._put(entry))
        answer = {"subaccount": {"id": entry.id, "storage_box": box.id}, "action": action.json()}
        return web.json_response(answer, status=201)

    def name(self, form: Form, entry: Subaccount | None = None) -> str:
        """The new name in the form, which no other of the box has."""
        name = form.required_text("name", maximum=MAX_NAME_LENGTH)
        form.check()
        others = [other for other in self.table.values() if entry is not None and other.box is entry.box]
        if any(other.name == name and other is not entry for other in others):
            raise not_unique(self.kind, "name")
        return name

    def apply_update(self, entry: Subaccount, form: Form) -> None:
        description = form.text("description")
        form.check()
        if description is not None:
            entry.description = description

    async def remove(self, entry: Subaccount) -> None:
        await self.cloud.hypervisor.boxes.remove(entry.username)

    def commands(self) -> Mapping[str, Callable[[Subaccount, Form], list[Action] | Action]]:
        return {
            "change_home_directory": self._change_home,
            "reset_subaccount_password": self._reset_password,
            "update_access_settings": self._update_access,
        }

    def _change_home(self, entry: Subaccount, form: Form) -> Action:
        home = _home(form)
        form.check()

        async def work() -> None:
            entry.home = home
            await self._put(entry)

        return self.start("change_home_directory", entry, work)

    def _reset_password(self, entry: Subaccount, form: Form) -> Action:
        password = new_password(form)
        form.check()

        async def work() -> None:
            entry.password = password
            await self._put(entry)

        return self.start("reset_subaccount_password", entry, work)

    def _update_access(self, entry: Subaccount, form: Form) -> Action:
        access = access_settings(form, None, entry.access)
        form.check()

        async def work() -> None:
            entry.access = access
            await self._put(entry)

        return self.start("update_access_settings", entry, work)

    async def _put(self, entry: Subaccount) -> None:
        account = BoxAccount(
            name=entry.username,
            box=entry.box.username,
            home=entry.home,
            password=entry.password,
            keys=(),
            ssh=entry.access["ssh_enabled"],
            external=entry.access["reachable_externally"],
            readonly=entry.access["readonly"],
            snapshots=False,
        )
        await self.cloud.hypervisor.boxes.put(account)


def _home(form: Form) -> str:
    """The folder in the form, which lies in the box."""
    home = form.required_text("home_directory")
    path = PurePosixPath(home)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        form.wrong("home_directory", "must be a path below the main account's folder, without a leading slash")
    return str(path)
