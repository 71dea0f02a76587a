"""The relay's side for tests.

GET  /_sandbox/relay    the switches, and how many signed in, were refused, taken, wait, are delivered, have failed
POST /_sandbox/relay    {"refuse": true}: nobody can sign in (535); {"reject": true}: no message is taken (554);
                        {"throttle": n}: the next n messages are put off (451); {"rewrite": true}: bodies get a footer
"""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from offline.sandbox.relay.books import Books
from offline.sandbox.relay.certificate import Certificate

SWITCHES = {"refuse": bool, "reject": bool, "rewrite": bool, "throttle": int}
EXPECTED = "an object with refuse, reject or rewrite (true or false), or throttle (a number of messages)"


def build(books: Books, certificate: Certificate) -> web.Application:
    """The application, which is healthy once the relay has a certificate."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(asdict(books))

    async def switch(request: web.Request) -> web.Response:
        wanted: Any = await request.json()
        if not isinstance(wanted, dict) or not wanted or any(type(v) is not SWITCHES.get(k) for k, v in wanted.items()):
            return web.json_response({"error": f"expected {EXPECTED}"}, status=400)
        for name, value in wanted.items():
            setattr(books, name, value)
        return await show(request)

    async def health(_request: web.Request) -> web.Response:
        ready = bool(certificate.known)
        return web.json_response({"status": "ready" if ready else "no certificate yet"}, status=200 if ready else 503)

    app = web.Application()
    app.add_routes(
        [
            web.get("/_sandbox/relay", show),
            web.post("/_sandbox/relay", switch),
            web.get("/_sandbox/health", health),
        ]
    )
    return app
