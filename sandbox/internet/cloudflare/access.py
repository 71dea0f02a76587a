"""Who may use the API, and how often: token check and rate limit, as middlewares.

Rate limits: https://developers.cloudflare.com/fundamentals/api/reference/limits/. The real one is 1,200 requests in
five minutes; the sandbox starts with ten times that, since its tests do in minutes what a person does in weeks, and
`POST /_sandbox/rate_limit` changes it.
"""

from __future__ import annotations

import re
import time
from collections import deque

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.internet.cloudflare import problems
from sandbox.internet.cloudflare.envelope import BASE, failure

TOKEN = "sandbox-cloudflare-token-xxxxxxxxxxxxxxx"  # noqa: S105 - the sandbox's only token, public on purpose
_TOKEN_FORM = re.compile(r"Bearer [A-Za-z0-9_-]{40,}")


def check_token(token: str = TOKEN) -> Middleware:
    """Let only requests with this API token pass."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(BASE):
            return await handler(request)
        header = request.headers.get("Authorization")
        if header is None:
            if "X-Auth-Key" in request.headers:
                raise problems.BadHeaderError(6103, "X-Auth-Key")
            raise problems.NO_CREDENTIALS
        if not _TOKEN_FORM.fullmatch(header):
            raise problems.BadHeaderError(6111, "Authorization")
        if header == f"Bearer {token}":
            return await handler(request)
        if request.path == f"{BASE}/user/tokens/verify":
            raise problems.TOKEN_UNKNOWN
        if "/dns_records" in request.path:
            raise problems.RECORDS_REFUSED
        raise problems.TOKEN_REFUSED

    return check


class RateLimit:
    """At most `quota` requests in any `window` seconds; each answer tells how many are left."""

    def __init__(self, quota: int = 12_000, window: int = 300) -> None:
        self.quota, self.window = quota, window
        self._times: deque[float] = deque()

    def set(self, quota: int, window: int) -> None:
        """Another limit, counting from now."""
        self.quota, self.window = quota, window
        self._times.clear()

    def middleware(self) -> Middleware:
        """The middleware that counts, refuses and adds the headers."""

        @web.middleware
        async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith(BASE):
                return await handler(request)
            now = time.monotonic()
            while self._times and self._times[0] <= now - self.window:
                self._times.popleft()
            left = self.quota - len(self._times)
            reset = max(1, round(self._times[0] + self.window - now)) if self._times else self.window
            if left <= 0:
                response: web.StreamResponse = failure(problems.RATE_LIMITED)
                response.headers["Retry-After"] = str(reset)
            else:
                self._times.append(now)
                response = await handler(request)
            response.headers["Ratelimit"] = f'"default";r={max(0, left - 1)};t={reset}'
            response.headers["Ratelimit-Policy"] = f'"default";q={self.quota};w={self.window}'
            return response

        return limit
