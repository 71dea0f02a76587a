"""What has a path below its Storage Box's: subaccounts and snapshots."""

from typing import TypeVar

from aiohttp import web

from offline.sandbox.datacentre.actions import Action, Work
from offline.sandbox.datacentre.errors import not_found
from offline.sandbox.datacentre.model import BoxPart, StorageBox
from offline.sandbox.datacentre.resource import ResourceHandler

T = TypeVar("T", bound=BoxPart)


class BoxParts(ResourceHandler[T]):
    """Routes of one kind; their lists have no pages, and while one changes its box does nothing else."""

    @property
    def path(self) -> str:
        return r"/v1/storage_boxes/{box:\d+}/" + self.collection

    def routes(self) -> list[web.RouteDef]:
        return [route for route in super().routes() if route.handler != self.list_actions]

    def box(self, request: web.Request) -> StorageBox:
        number = request.match_info["box"]
        box = self.cloud.project.storage_box.get(int(number))
        if box is None:
            raise not_found("storage_box", number)
        return box

    def listed(self, request: web.Request) -> list[T]:
        box = self.box(request)
        return [entry for entry in self.table.values() if entry.box is box]

    def find(self, request: web.Request) -> T:
        entry, box = super().find(request), self.box(request)
        if entry.box is not box:
            raise not_found(self.kind, entry.id)
        return entry

    async def list_all(self, request: web.Request) -> web.Response:
        return web.json_response({self.collection: self.selected(request)})

    async def delete(self, request: web.Request) -> web.Response:
        entry = self.find(request)

        async def work() -> None:
            await self.remove(entry)
            del self.table[entry.id]

        return web.json_response({"action": self.start(f"delete_{self.kind}", entry, work).json()}, status=201)

    async def remove(self, entry: T) -> None:
        """Make it go in the box."""
        raise NotImplementedError

    def start(self, command: str, entry: T, work: Work) -> Action:
        """Begin an action unless the box is busy with another."""
        box = ("storage_box", entry.box.id)
        self.cloud.actions.require_unlocked(box)
        return self.cloud.actions.start(command, [(f"storage_box_{self.kind}", entry.id), box], work)
