"""The pages behind the installer: login, overview."""

from aiohttp import web

from .keys import OPERATIONS, SESSIONS, installed
from .pages import login_form, overview
from .sessions import Session

routes = web.RouteTableDef()


@routes.get("/")
async def root(request: web.Request) -> web.Response:
    """Lead to where a visitor has business."""
    raise web.HTTPFound("/admin/login" if installed(request) else "/admin/install/server")


@routes.get("/admin")
@routes.get("/admin/")
async def home(request: web.Request) -> web.Response:
    """Show the overview to an administrator, the login to anybody else."""
    if not installed(request):
        raise web.HTTPFound("/admin/install/server")
    user = request.app[SESSIONS].of(request).user
    if user is None:
        raise web.HTTPFound("/admin/login")
    domains = [row["name"] for row in request.app[OPERATIONS].store.domains()]
    return web.Response(text=overview(user, domains), content_type="text/html")


@routes.get("/admin/login")
async def show_login(request: web.Request) -> web.Response:
    """Show the login form."""
    if not installed(request):
        raise web.HTTPFound("/admin/install/server")
    return _login(request, [])


@routes.post("/admin/login")
async def login(request: web.Request) -> web.Response:
    """Check the credentials; only a super administrator has anything to do here."""
    form = await request.post()
    box = request.app[OPERATIONS].authenticate(str(form.get("email", "")), str(form.get("password", "")))
    if not request.app[SESSIONS].of(request).accepts(form.get("_csrf_token")):
        return _login(request, ["Invalid CSRF token."])
    if box is None or not box["superAdmin"]:
        return _login(request, ["Invalid credentials."])
    response = web.Response(status=302, headers={"Location": "/admin/"})
    request.app[SESSIONS].keep(Session(user=box["address"]), response)
    return response


def _login(request: web.Request, errors: list[str]) -> web.Response:
    session = request.app[SESSIONS].of(request)
    response = web.Response(text=login_form(session.csrf_token, errors), content_type="text/html")
    request.app[SESSIONS].keep(session, response)
    return response
