"""The package mirror from which the servers install: files over HTTP, and faults on request.

A mirror that is being updated answers 404 for a package of its own index, which apt-get does not try again; a 503 it
tries again a few times.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from offline.sandbox.faults import Faults


def mirror(folder: Path) -> web.Application:
    """The mirror's application, which serves a folder as /debian."""
    faults = Faults(lambda status: web.Response(status=status, text="on request"))
    app = web.Application(middlewares=[faults.middleware()])
    app.add_routes([web.static("/debian", folder), *faults.routes()])
    return app
