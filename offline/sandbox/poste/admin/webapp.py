"""The web application: ``python3 -m poste_admin.webapp SOCKET`` serves it to nginx on a Unix socket."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

from . import api_boxes, api_domains, browser, installer
from .api_support import PREFIX, errors_as_json, require_administrator
from .keys import APPLY_SETTINGS, OPERATIONS, SESSIONS
from .layout import Layout
from .operations import Operations
from .sessions import Sessions


def make_app(layout: Layout, apply_settings: Callable[[], Awaitable[None]]) -> web.Application:
    """Build the application on ``layout``."""
    app = web.Application(middlewares=[require_administrator, errors_as_json])
    app[OPERATIONS] = Operations(layout)
    app[SESSIONS] = Sessions()
    app[APPLY_SETTINGS] = apply_settings
    for module in (installer, browser, api_domains, api_boxes):
        app.add_routes(module.routes)
    app.router.add_route("*", "/api/v1{rest:.*}", _moved)
    return app


async def _moved(request: web.Request) -> web.Response:
    """The API's old address; HTTP clients drop the credentials when they follow."""
    raise web.HTTPMovedPermanently(PREFIX + request.match_info["rest"])


async def _apply_as_root() -> None:
    """Run the settings script as root through sudo, which ``no-new-privileges`` forbids, as with the original."""
    script = ("sudo", "-n", "-u", "root", "/etc/cont-init.d/20-apply-server-config")
    process = await asyncio.create_subprocess_exec(*script)
    if await process.wait():
        raise RuntimeError(f"{' '.join(script)} failed")


def main() -> None:
    """Serve until terminated."""
    web.run_app(make_app(Layout(), _apply_as_root), path=sys.argv[1], print=None)


if __name__ == "__main__":
    main()
