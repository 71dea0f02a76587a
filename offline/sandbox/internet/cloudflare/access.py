"""Who may use the API, and how often: token check and rate limit, as middlewares.

The rate limit is https://developers.cloudflare.com/fundamentals/api/reference/limits/: 1,200 requests in five minutes,
and who exceeds it is refused for the next five minutes. `POST /_sandbox/rate_limit` sets another.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from offline.sandbox.internet.cloudflare import problems
from offline.sandbox.internet.cloudflare.envelope import BASE, failure

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
        if "/dns_records" in request.path:
            raise problems.RECORDS_REFUSED
        raise problems.TOKEN_REFUSED

    return check


class RateLimit:
    """At most `quota` requests in any `window` seconds, else none for that long; each answer tells what is left."""

    def __init__(self, quota: int = 1_200, window: int = 300) -> None:
        self.quota, self.window = quota, window
        self._times: deque[float] = deque()
        self._refused_until = 0.0

    def set(self, quota: int, window: int) -> None:
        """Another limit, counting from now."""
        self.quota, self.window = quota, window
        self._times.clear()
        self._refused_until = 0.0

    def middleware(self) -> Middleware:
        """The middleware that counts, refuses and adds the headers."""

        @web.middleware
        async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith(BASE):
                return await handler(request)
            wait = self._take(time.monotonic())
            if wait:
                response: web.StreamResponse = failure(problems.RATE_LIMITED)
                response.headers["Retry-After"] = str(wait)
            else:
                response = await handler(request)
            left = 0 if wait else self.quota - len(self._times)
            response.headers["Ratelimit"] = f'"default";r={left};t={wait or self._reset(time.monotonic())}'
            response.headers["Ratelimit-Policy"] = f'"default";q={self.quota};w={self.window}'
            return response

        return limit

    def _take(self, now: float) -> int:
        """Count a request; how many seconds to wait if it is one too many, else 0."""
        while self._times and self._times[0] <= now - self.window:
            self._times.popleft()
        if now >= self._refused_until and len(self._times) >= self.quota:
            self._refused_until = now + self.window
            self._times.clear()
        if now < self._refused_until:
            return math.ceil(self._refused_until - now)
        self._times.append(now)
        return 0

    def _reset(self, now: float) -> int:
        """Seconds until the oldest request counted is forgotten."""
        return max(1, round(self._times[0] + self.window - now)) if self._times else self.window
