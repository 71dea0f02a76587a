"""The account's Workers: its scripts and their custom domains, and the changes to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from offline.sandbox.internet.cloudflare.account import Account
from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.workers import problems
from offline.sandbox.internet.workers.domains import Domain, read_domain
from offline.sandbox.internet.workers.runtime import Runtime
from offline.sandbox.internet.workers.scripts import Module, Script, read_script


class Workers:
    """All scripts and domains. A change is done when it is served; one that fails has changed nothing."""

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self._account = account
        self.runtime = runtime
        self._scripts: dict[str, Script] = {}
        self._domains: dict[str, Domain] = {}
        self._changing = asyncio.Lock()

    async def reset(self) -> None:
        """No scripts and no domains; their records are gone with the zones'."""
        async with self._changing:
            self._domains.clear()
            for name in list(self._scripts):
                await self._forget(name)

    def scripts(self) -> list[Script]:
        """All scripts, by name."""
        return sorted(self._scripts.values(), key=lambda script: script.name)

    def script(self, name: str) -> Script:
        """The script of this name; raises ApiError."""
        if name not in self._scripts:
            raise problems.SCRIPT_NOT_FOUND
        return self._scripts[name]

    async def upload(self, name: str, metadata: Json, modules: Mapping[str, Module]) -> Script:
        """Make or overwrite a script; raises ApiError when the runtime refuses it."""
        async with self._changing:
            script = read_script(name, metadata, modules, datetime.now(UTC), self._scripts.get(name))
            await self.runtime.start(script)
            self._scripts[name] = script
            return script

    async def delete(self, name: str) -> None:
        """Delete a script with its custom domains; raises ApiError."""
        async with self._changing:
            self.script(name)
            for domain in [domain for domain in self._domains.values() if domain.service == name]:
                await self._release(domain)
            await self._forget(name)

    def domains(self) -> list[Domain]:
        """All domains, by host name."""
        return sorted(self._domains.values(), key=lambda domain: domain.hostname)

    def domain(self, domain_id: str) -> Domain:
        """The domain of this identifier; raises ApiError."""
        if domain_id not in self._domains:
            raise problems.DOMAIN_NOT_FOUND
        return self._domains[domain_id]

    def at(self, hostname: str | None) -> Domain | None:
        """The domain of this host name, if it is one."""
        return next((domain for domain in self._domains.values() if domain.hostname == hostname), None)

    async def attach(self, body: Json) -> Domain:
        """Make a domain with its record, or lead one that is there to another script; raises ApiError."""
        async with self._changing:
            domain = read_domain(body, self._account.zones())
            self.script(domain.service)
            if domain.id not in self._domains:
                await self._account.lead_to_worker(domain.zone, domain.hostname, domain.id)
            self._domains[domain.id] = domain
            return domain

    async def detach(self, domain_id: str) -> None:
        """Take a domain away, and its record; raises ApiError."""
        async with self._changing:
            await self._release(self.domain(domain_id))

    async def _release(self, domain: Domain) -> None:
        # The tests may have put another zone of that name in its place.
        zone = self._account.zone(domain.zone.id)
        if zone is not None:
            await self._account.leave_worker(zone, domain.id)
        del self._domains[domain.id]

    async def _forget(self, name: str) -> None:
        await self.runtime.stop(name)
        del self._scripts[name]
