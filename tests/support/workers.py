"""Cloudflare's API with Workers that run, and the edge before them, on loopback."""

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from aiohttp import web
from cloudflare import Cloudflare

from offline.sandbox.host import workerd
from offline.sandbox.host.parts import SOURCE
from offline.sandbox.internet.acme import tls
from offline.sandbox.internet.cloudflare.access import TOKEN
from offline.sandbox.internet.cloudflare.server import WORKERS, build
from offline.sandbox.internet.workers.edge import Edge
from offline.sandbox.internet.workers.runtime import Workerd
from tests.support.serving import running

MODULE = "application/javascript+module"
HELLO = "export default { async fetch(request) { return new Response(`hello from ${request.url}`) } }"


@dataclass
class World:
    """The API, its official client, and the edge's two ports."""

    url: str
    http: httpx.Client
    client: Cloudflare
    authority: Path
    tls_port: int
    port: int

    def upload(self, account: str, name: str, text: str = HELLO, **metadata: object) -> httpx.Response:
        """Make a script of one module, as the Terraform provider does."""
        return upload(self.http, account, name, {"worker.js": text}, {"main_module": "worker.js", **metadata})

    def get(self, host: str, path: str = "/", **headers: str) -> httpx.Response:
        """Ask the edge over TLS for a host name, whose certificate must be in order."""
        trusting = ssl.create_default_context(cafile=str(self.authority))
        with httpx.Client(verify=trusting, trust_env=False, timeout=60) as client:
            url = f"https://127.0.0.1:{self.tls_port}{path}"
            return client.get(url, headers={"Host": host, **headers}, extensions={"sni_hostname": host})


def upload(
    http: httpx.Client, account: str, name: str, modules: dict[str, str], metadata: dict[str, object]
) -> httpx.Response:
    """A form of modules and metadata."""
    parts = [(module, (module, text, MODULE)) for module, text in modules.items()]
    form = [*parts, ("metadata", (None, httpx.Response(200, json=metadata).text, "application/json"))]
    return http.put(f"/client/v4/accounts/{account}/workers/scripts/{name}", files=form)


@contextmanager
def working() -> Iterator[World]:
    """Serve both for as long as the block lasts; workerd is fetched if it is not there."""
    program = str(workerd.ensure())
    # The path of a socket may have 107 characters, which pytest's folders may exceed.
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        own = tls.make(SOURCE / "internet" / "etc" / "authority.cnf", Path(folder))
        app = build(runtime=Workerd(Path(folder, "scripts"), program))
        edge = Edge(app[WORKERS], own)
        front = web.AppRunner(edge.application())

        async def open_edge(_app: web.Application) -> None:
            await front.setup()
            await web.TCPSite(front, "127.0.0.1", 0, ssl_context=edge.context()).start()
            await web.TCPSite(front, "127.0.0.1", 0).start()

        async def close_edge(_app: web.Application) -> None:
            await front.cleanup()

        app.on_startup.append(open_edge)
        app.on_cleanup.append(close_edge)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with (
            running(app) as url,
            httpx.Client(base_url=url, headers=headers, timeout=60) as http,
            Cloudflare(api_token=TOKEN, base_url=f"{url}/client/v4", max_retries=0) as client,
        ):
            ports = [address[1] for address in front.addresses]
            yield World(url, http, client, own.authority, *ports)
