"""The HTTP side of the Workers API, and the tests' own side of it.

POST /_sandbox/token  {"workers": false} takes the right to Workers from the token, or gives it back
"""

from __future__ import annotations

import json

from aiohttp import BodyPartReader, MultipartWriter, web

from offline.sandbox.internet.cloudflare.envelope import BASE, success
from offline.sandbox.internet.cloudflare.problems import NOT_JSON, Json
from offline.sandbox.internet.cloudflare.queries import only
from offline.sandbox.internet.cloudflare.zones import ACCOUNT
from offline.sandbox.internet.workers import problems
from offline.sandbox.internet.workers.domains import ENVIRONMENT, FIELDS
from offline.sandbox.internet.workers.scripts import Module, Script
from offline.sandbox.internet.workers.workers import Workers


class WorkersApi:
    """Handlers for one account."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._permitted = True

    def routes(self) -> list[web.RouteDef]:
        """All routes the API serves, and the one of the tests."""
        workers = f"{BASE}/accounts/{{account}}/workers"
        script, domain = f"{workers}/scripts/{{script}}", f"{workers}/domains/{{domain}}"
        return [
            web.get(f"{workers}/scripts", self.list_scripts),
            web.put(script, self.upload_script),
            web.get(script, self.get_content),
            web.get(f"{script}/content/v2", self.get_content),
            web.get(f"{script}/settings", self.get_settings),
            web.get(f"{workers}/services/{{script}}", self.get_service),
            web.delete(script, self.delete_script),
            web.get(f"{workers}/domains", self.list_domains),
            web.put(f"{workers}/domains", self.attach_domain),
            web.get(domain, self.get_domain),
            web.delete(domain, self.detach_domain),
            web.post("/_sandbox/token", self.set_rights),
        ]

    async def list_scripts(self, request: web.Request) -> web.Response:
        """GET …/scripts."""
        self._check_rights(request)
        only(request.query)
        return success([script.shown() for script in self._workers.scripts()])

    async def upload_script(self, request: web.Request) -> web.Response:
        """PUT …/scripts/{script}: metadata and modules, as parts of a form."""
        self._check_rights(request)
        only(request.query)
        metadata, modules = await _upload(request)
        script = await self._workers.upload(request.match_info["script"], metadata, modules)
        return success({**script.shown(), "startup_time_ms": 1})

    async def get_content(self, request: web.Request) -> web.Response:
        """GET …/scripts/{script} and …/content/v2: the modules as they were sent."""
        script = self._script(request)
        with MultipartWriter("form-data") as form:
            for module in script.modules:
                part = form.append(module.text, {"Content-Type": module.type})
                part.set_content_disposition("form-data", name=module.name, filename=module.name)
        return web.Response(body=form, headers={"cf-entrypoint": script.main})

    async def get_settings(self, request: web.Request) -> web.Response:
        """GET …/scripts/{script}/settings."""
        return success(self._script(request).settings())

    async def get_service(self, request: web.Request) -> web.Response:
        """GET …/services/{script}: what the Terraform provider asks, though it is not documented."""
        script = self._script(request).shown()
        environment = {"environment": ENVIRONMENT, "script": script}
        return success({"id": script["id"], "default_environment": environment, "created_on": script["created_on"]})

    async def delete_script(self, request: web.Request) -> web.Response:
        """DELETE …/scripts/{script}: with its domains. Nothing refers to a script, so force changes nothing."""
        self._check_rights(request)
        only(request.query, "force")
        await self._workers.delete(request.match_info["script"])
        return success(None)

    async def list_domains(self, request: web.Request) -> web.Response:
        """GET …/domains, all of them or those with the values that the query gives."""
        self._check_rights(request)
        only(request.query, *FIELDS)
        wanted = [(name, request.query[name]) for name in FIELDS if name in request.query]
        shown = [domain.shown() for domain in self._workers.domains()]
        return success([domain for domain in shown if all(domain[name] == value for name, value in wanted)])

    async def attach_domain(self, request: web.Request) -> web.Response:
        """PUT …/domains."""
        self._check_rights(request)
        body = _object(await request.text())
        return success((await self._workers.attach(body)).shown())

    async def get_domain(self, request: web.Request) -> web.Response:
        """GET …/domains/{domain}."""
        self._check_rights(request)
        return success(self._workers.domain(request.match_info["domain"]).shown())

    async def detach_domain(self, request: web.Request) -> web.Response:
        """DELETE …/domains/{domain}."""
        self._check_rights(request)
        domain_id = request.match_info["domain"]
        await self._workers.detach(domain_id)
        return success({"id": domain_id})

    async def set_rights(self, request: web.Request) -> web.Response:
        """POST /_sandbox/token."""
        body = await request.json()
        if not isinstance(body, dict) or body.keys() != {"workers"} or not isinstance(body["workers"], bool):
            return web.json_response({"error": 'rights are {"workers": true} or {"workers": false}'}, status=400)
        self._permitted = body["workers"]
        return web.Response(status=204)

    def _script(self, request: web.Request) -> Script:
        self._check_rights(request)
        only(request.query)
        return self._workers.script(request.match_info["script"])

    def _check_rights(self, request: web.Request) -> None:
        """Another account's Workers look like those that the token has no right to."""
        if not self._permitted or request.match_info["account"] != ACCOUNT["id"]:
            raise problems.REFUSED


async def _upload(request: web.Request) -> tuple[Json, dict[str, Module]]:
    """The metadata and the modules of a form."""
    if request.content_type != "multipart/form-data":
        raise problems.unsupported(f"an upload of the type {request.content_type}")
    metadata: Json | None = None
    modules = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise problems.unsupported("a part without a name")
        text = bytes(await part.read(decode=True))
        if part.name == "metadata":
            metadata = _object(text)
        else:
            modules[part.name] = Module(part.name, part.headers.get("Content-Type", ""), text)
    if metadata is None:
        raise problems.NO_METADATA
    return metadata, modules


def _object(text: str | bytes) -> Json:
    try:
        body = json.loads(text)
    except ValueError:
        raise NOT_JSON from None
    if not isinstance(body, dict):
        raise NOT_JSON
    return body
