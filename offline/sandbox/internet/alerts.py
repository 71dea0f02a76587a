"""A receiver of alarms, as a service of heartbeats, a topic of ntfy or a chat's webhook is one: it takes every request.

Its other side is for tests:

GET    /_sandbox/alerts   what it got, the oldest first: [{"method", "path", "title", "body"}]
DELETE /_sandbox/alerts   forgets that
POST   /_sandbox/alerts   {"unreachable": true}: whoever comes finds the connection closed; false: he is heard again
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from aiohttp import web


@dataclass(frozen=True)
class Alert:
    """One request; `title` is a header of ntfy's."""

    method: str
    path: str
    title: str
    body: str


class Alerts:
    """What was received."""

    def __init__(self) -> None:
        self._got: list[Alert] = []
        self._unreachable = False

    def application(self) -> web.Application:
        """The application for those who tell."""
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self._take)])
        return app

    def control(self) -> web.Application:
        """The application for those who look what was told."""
        app = web.Application()
        path = "/_sandbox/alerts"
        app.add_routes([web.get(path, self._show), web.delete(path, self._forget), web.post(path, self._switch)])
        return app

    async def _take(self, request: web.Request) -> web.Response:
        if self._unreachable:
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=500)  # nobody gets it
        self._got.append(Alert(request.method, request.path_qs, request.headers.get("Title", ""), await request.text()))
        return web.Response(text="OK")

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(alert) for alert in self._got])

    async def _forget(self, _request: web.Request) -> web.Response:
        self._got.clear()
        return web.Response(status=204)

    async def _switch(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not isinstance(body, dict) or not isinstance(unreachable := body.get("unreachable"), bool):
            return web.json_response({"error": 'expected {"unreachable": true} or false'}, status=400)
        self._unreachable = unreachable
        return web.Response(status=204)
