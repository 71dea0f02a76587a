"""REST endpoints below ``/le``: Let's Encrypt, of which the sandbox has none, so nothing can be issued here.

The paths are public, methods and fields are not: these are the least that lets a caller see "not issued".
"""

from aiohttp import web

from .api_support import PREFIX, body, error

routes = web.RouteTableDef()


@routes.get(PREFIX + "/le/settings")
async def settings(request: web.Request) -> web.Response:  # noqa: ARG001
    """Show that no certificate is requested."""
    return web.json_response({"enabled": False, "domains": []})


@routes.get(PREFIX + "/le/log")
async def log(request: web.Request) -> web.Response:  # noqa: ARG001
    """Show an empty log."""
    return web.json_response({"log": ""})


@routes.post(PREFIX + "/le/issue")
@routes.put(PREFIX + "/le/issue")
async def issue(request: web.Request) -> web.Response:
    """Fail as an unreachable certificate authority makes it fail."""
    await body(request, ["domains", "name"])
    return error(500, "The certificate authority cannot be reached from the sandbox.")
