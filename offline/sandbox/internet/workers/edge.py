"""Cloudflare's edge: what custom domains lead to. It speaks TLS by their names, and asks the script of each.

Whoever asks for another name, by TLS or by plain HTTP, finds the connection closed.
"""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp import web

from offline.sandbox.internet.acme.tls import Tls
from offline.sandbox.internet.passing import pass_on
from offline.sandbox.internet.workers.workers import Workers


class Edge:
    """Serves the Workers' domains; the authority `own` signs a certificate for each when it is first asked for."""

    def __init__(self, workers: Workers, own: Tls) -> None:
        self._workers = workers
        self._own = own
        self._contexts: dict[str, ssl.SSLContext] = {}

    def application(self) -> web.Application:
        """The application for both ports."""
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self._serve)])
        return app

    def context(self) -> ssl.SSLContext:
        """For the port with TLS."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _own: ssl.SSLContext) -> int | None:
        """Show the certificate for the name that the client wants (RFC 6066 section 3), or end the handshake."""
        domain = self._workers.at(name.lower() if name else None)
        if domain is None:
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        if domain.hostname not in self._contexts:
            self._contexts[domain.hostname] = self._own.issue(domain.hostname).context()
        connection.context = self._contexts[domain.hostname]
        return None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        domain = self._workers.at((request.url.host or "").lower())
        if domain is None:
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=500)  # nobody gets it
        headers = {"X-Forwarded-Proto": request.scheme, "CF-Connecting-IP": request.remote or ""}
        connector = aiohttp.UnixConnector(str(self._workers.runtime.socket(domain.service)))
        try:
            return await pass_on(request, "http://script", headers, connector)
        except aiohttp.ClientError:
            # What Cloudflare shows of a script that throws; here its process is gone.
            return web.Response(status=500, text="error code: 1101")
