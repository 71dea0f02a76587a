"""What the web application's handlers share, as typed keys of the application."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from .operations import Operations
from .server_ini import server_hostname
from .sessions import Sessions

OPERATIONS = web.AppKey("operations", Operations)
SESSIONS = web.AppKey("sessions", Sessions)
APPLY_SETTINGS: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("apply_settings")
"""Makes the mail servers follow ``server.ini``; raises when that is not allowed or fails."""


def installed(request: web.Request) -> bool:
    """Tell whether the installer is done; looked up each time, because the file may also come from outside."""
    return server_hostname(request.app[OPERATIONS].layout.server_ini) is not None
