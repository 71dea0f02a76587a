"""Browser sessions and their CSRF tokens: a form is good only together with the cookie it was served with."""

import hmac
import secrets
from dataclasses import dataclass, field

from aiohttp import web

_COOKIE = "PHPSESSID"
_MAX_SESSIONS = 10_000


@dataclass
class Session:
    """What the server remembers of one browser."""

    key: str = field(default_factory=secrets.token_hex)
    csrf_token: str = field(default_factory=secrets.token_urlsafe)
    user: str | None = None

    def accepts(self, token: object) -> bool:
        """Tell whether a posted form carries the token of its session."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.csrf_token.encode())


class Sessions:
    """All sessions, in memory: a restart signs everybody out."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def of(self, request: web.Request) -> Session:
        """Return the session that the request's cookie names, or a new one that no cookie names yet."""
        return self._sessions.get(request.cookies.get(_COOKIE, "")) or Session()

    def keep(self, session: Session, response: web.StreamResponse) -> None:
        """Remember the session and give the browser its cookie."""
        if len(self._sessions) >= _MAX_SESSIONS:
            self._sessions.clear()
        self._sessions[session.key] = session
        response.set_cookie(_COOKIE, session.key, path="/", httponly=True, samesite="Lax")
