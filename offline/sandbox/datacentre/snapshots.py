"""Snapshots of Storage Boxes. Those of a snapshot plan do not come about: only what is asked for is taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre.box_parts import BoxParts
from offline.sandbox.datacentre.errors import ApiError
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import BoxSnapshot, StorageBox
from offline.sandbox.datacentre.resource import read_form


class Snapshots(BoxParts[BoxSnapshot]):
    kind = "snapshot"

    def json(self, entry: BoxSnapshot) -> dict[str, Any]:
        return {
            "id": entry.id,
            "name": entry.name,
            "description": entry.description,
            "stats": {"size": 0, "size_filesystem": entry.size},
            "is_automatic": False,
            "labels": entry.labels,
            "created": entry.created,
            "storage_box": entry.box.id,
        }

    async def create(self, request: web.Request) -> web.Response:
        box = self.box(request)
        form = await read_form(request)
        description = form.text("description") or ""
        labels = form.labels() or {}
        form.check()
        self.cloud.actions.require_unlocked(("storage_box", box.id))
        if len(self.listed(request)) >= box.type.snapshots:
            raise ApiError(403, "resource_limit_exceeded", "snapshot limit exceeded")
        store = self.cloud.hypervisor.boxes
        entry = BoxSnapshot(
            id=self.cloud.project.new_id(),
            name=self._new_name(box),
            labels=labels,
            box=box,
            description=description,
            size=(await store.usage(box.username))[0],
        )
        self.table[entry.id] = entry
        action = self.start("create_snapshot", entry, lambda: store.take_snapshot(box.username, entry.name))
        answer = {"snapshot": {"id": entry.id, "storage_box": box.id}, "action": action.json()}
        return web.json_response(answer, status=201)

    def _new_name(self, box: StorageBox) -> str:
        """The time, or the next second that no other snapshot of the box is named after."""
        taken = {entry.name for entry in self.table.values() if entry.box is box}
        moment = datetime.now(UTC)
        while (name := moment.strftime("%Y-%m-%dT%H-%M-%S")) in taken:
            moment += timedelta(seconds=1)
        return name

    def name(self, _form: Form, entry: BoxSnapshot | None = None) -> str:
        raise ApiError(422, "invalid_input", f"the name of snapshot {entry.name if entry else ''} stays")

    def apply_update(self, entry: BoxSnapshot, form: Form) -> None:
        description = form.text("description")
        form.check()
        if description is not None:
            entry.description = description

    async def remove(self, entry: BoxSnapshot) -> None:
        await self.cloud.hypervisor.boxes.remove_snapshot(entry.box.username, entry.name)
