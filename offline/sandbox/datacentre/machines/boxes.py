"""The Storage Boxes: a part of their own, told by its control service (`offline/sandbox/boxes/server.py`)."""

from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import aiohttp

from offline.sandbox.datacentre.hypervisor import BoxAccount
from offline.sandbox.world import BOXES

CONTROL = f"http://{BOXES.ipv4}:8080"
TIMEOUT = aiohttp.ClientTimeout(total=60)
NOT_FOUND = 404


class BoxesError(OSError):
    """The part did not do what it was asked."""


class Boxes:
    """See `BoxStore`."""

    async def put(self, account: BoxAccount) -> None:
        body = asdict(account)
        await _ask("PUT", f"/accounts/{body.pop('name')}", body)

    async def remove(self, account: str) -> None:
        with suppress(LookupError):
            await _ask("DELETE", f"/accounts/{account}")

    async def clear(self) -> None:
        """Remove all boxes; a part that is not up yet has none."""
        with suppress(OSError):
            await _ask("DELETE", "/accounts")

    async def usage(self, box: str) -> tuple[int, int]:
        taken = await _ask("GET", f"/boxes/{box}/usage")
        return taken["data"], taken["snapshots"]

    async def folders(self, box: str, path: str) -> list[str]:
        found: list[str] = await _ask("GET", f"/boxes/{box}/folders?path={quote(path)}")
        return found

    async def take_snapshot(self, box: str, name: str) -> None:
        await _ask("PUT", f"/boxes/{box}/snapshots/{name}")

    async def remove_snapshot(self, box: str, name: str) -> None:
        await _ask("DELETE", f"/boxes/{box}/snapshots/{name}")

    async def roll_back(self, box: str, name: str) -> None:
        await _ask("POST", f"/boxes/{box}/snapshots/{name}/rollback")


async def _ask(method: str, path: str, body: object = None) -> Any:
    """The answer's JSON; raises LookupError when there is no such thing, else BoxesError."""
    try:
        async with (
            aiohttp.ClientSession(CONTROL, timeout=TIMEOUT) as client,
            client.request(method, path, json=body) as answer,
        ):
            if answer.ok:
                return await answer.json() if answer.content_length else None
            problem = (await answer.json())["error"]
    except aiohttp.ClientError as error:
        raise BoxesError(f"no Storage Boxes: {error}") from error
    raise LookupError(problem) if answer.status == NOT_FOUND else BoxesError(problem)
