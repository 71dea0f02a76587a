"""Passing a request on to the server behind, and its answer back, both unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

OF_THE_CONNECTION = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
"""Headers that are not passed on (RFC 9110 section 7.6.1), and the length, which is written anew."""
OF_THE_CLIENT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that the proxy would add of its own."""


async def pass_on(
    request: web.Request, behind: str, headers: Mapping[str, str], connector: aiohttp.BaseConnector | None = None
) -> web.Response:
    """The answer of the server whose URL is `behind`, asked with headers of our own. Raises aiohttp.ClientError."""
    asked = CIMultiDict(_passed_on(request.headers.items()))
    asked.update(headers)
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        session.request(
            request.method,
            URL(behind + request.raw_path, encoded=True),
            headers=asked,
            data=await request.read(),
            allow_redirects=False,
            skip_auto_headers=OF_THE_CLIENT,
            # Nobody else is on this machine's own ports; so a certificate is of no interest.
            ssl=False,
        ) as answer,
    ):
        return web.Response(
            status=answer.status,
            reason=answer.reason,
            headers=CIMultiDict(_passed_on(answer.headers.items())),
            body=await answer.read(),
        )


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in OF_THE_CONNECTION]
