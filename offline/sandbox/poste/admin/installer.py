"""The web installer, ``/admin/install/server``: open to anyone until it is done, closed ever after.

Accounts of other operators: the form's token is bound to the session's cookie; an existing domain, a hostname that is
an address, and ``no-new-privileges`` (no sudo) each end in status 500; success leads away from ``/admin/install``.
"""

import socket
from collections.abc import Mapping

from aiohttp import web

from .keys import APPLY_SETTINGS, OPERATIONS, SESSIONS, installed
from .names import MIN_PASSWORD_LENGTH, is_address, is_fqdn
from .pages import INSTALL_FIELDS, RENAMED_FIELDS, install_form
from .server_ini import write_server_ini
from .sessions import Session

routes = web.RouteTableDef()


@routes.get("/admin/install/server")
async def show(request: web.Request) -> web.Response:
    """Show the form, or lead to the login when there is nothing left to install."""
    if installed(request):
        raise web.HTTPFound("/admin/login")
    return _form(request, request.app[SESSIONS].of(request), socket.gethostname(), "", [])


@routes.post("/admin/install/server")
async def submit(request: web.Request) -> web.Response:
    """Install the server: domain and mailbox of the administrator, ``server.ini``, settings applied."""
    if installed(request):
        raise web.HTTPFound("/admin/login")
    session = request.app[SESSIONS].of(request)
    form = await request.post()
    hostname, admin, password = (str(form.get(f"install[{name}]", "")) for name in _names(request).values())
    admin = admin.lower()
    errors = []
    if not session.accepts(form.get("install[_token]")):
        errors.append("The CSRF token is invalid. Please try to resubmit the form.")
    if not is_address(admin):
        errors.append("Administrator email: this value is not a valid email address.")
    if len(password) < MIN_PASSWORD_LENGTH:
        errors.append(f"Password: use {MIN_PASSWORD_LENGTH} characters or more.")
    if errors:
        return _form(request, session, hostname, admin, errors)

    # From here on failures are not the form's any more: they surface as status 500, as with the original.
    if not is_fqdn(hostname):
        raise web.HTTPInternalServerError(text="The hostname has to be a fully qualified domain name.")
    operations = request.app[OPERATIONS]
    operations.create_domain(admin.split("@")[1])
    operations.create_box(admin, password, {"superAdmin": True, "name": "Administrator"})
    write_server_ini(operations.layout.server_ini, hostname, admin)
    await request.app[APPLY_SETTINGS]()
    session = Session(user=admin)
    response = web.Response(status=302, headers={"Location": "/admin/"})
    request.app[SESSIONS].keep(session, response)
    return response


def _names(request: web.Request) -> Mapping[str, str]:
    return RENAMED_FIELDS if request.app[OPERATIONS].layout.renamed_fields.exists() else INSTALL_FIELDS


def _form(request: web.Request, session: Session, hostname: str, admin: str, errors: list[str]) -> web.Response:
    page = install_form(hostname, admin, session.csrf_token, errors, _names(request))
    response = web.Response(text=page, content_type="text/html")
    request.app[SESSIONS].keep(session, response)
    return response
