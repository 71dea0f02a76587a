"""The routes by which Poste has mail leave, as its server.ini has them.

Runs on the server, hence standard library only.
"""

import re
from pathlib import Path

import whole_file

SETTINGS = "server.ini"

SECTION = re.compile(r"^[ \t]*\[(?P<name>[^]\n]*)\].*$\n?", re.MULTILINE)
ROUTES = re.compile(
    r"""^[ \t]*smtp_routes[ \t]*=[ \t]*(?P<quote>["'])?(?P<value>.*?)"""
    r"(?(quote)(?P=quote)[ \t]*(?:[;#].*)?|[ \t]*)$\n?",
    re.MULTILINE,
)
"""With a comment behind it where it is quoted; else a semicolon is its own."""
TO_ALL = re.compile(r"\*?:[^:|]*(\|[^|]*){0,2}")
"""One route, for mail to all domains, with user and password or without."""


class Routes:
    """The text of server.ini, and in it the routes by which mail leaves."""

    def __init__(self, text: str) -> None:
        self._text = text
        headers = list(SECTION.finditer(text))
        ends = [*(header.start() for header in headers[1:]), len(text)]
        here = [(header, end) for header, end in zip(headers, ends, strict=False) if header["name"] == "routing"]
        self._header: re.Match[str] | None = here[0][0] if here else None
        self._lines = list(ROUTES.finditer(text, here[0][0].end(), here[0][1])) if here else []

    @property
    def value(self) -> str:
        """As Poste has it: `*:host;port|user|password`, or nothing. Of several lines the last one counts."""
        return self._lines[-1]["value"] if self._lines else ""

    def replaced(self, value: str) -> str:
        """The text with another value in one line; with none, without a line. All else stays as it is."""
        line = f'smtp_routes = "{value}"\n' if value else ""
        if self._lines:
            text = self._text
            for former in reversed(self._lines):
                text = text[: former.start()] + (line if former is self._lines[0] else "") + text[former.end() :]
            return text
        if not line:
            return self._text
        before, behind = self._text, ""
        if self._header:
            before, behind = before[: self._header.end()], before[self._header.end() :]
        if before and not before.endswith("\n"):
            before += "\n"
        return before + (line if self._header else f"\n[routing]\n{line}") + behind


def read(data: Path) -> Routes:
    """What Poste with this /data has. Settings that somebody has destroyed hold no routes."""
    settings = data / SETTINGS
    return Routes(settings.read_text(errors="surrogateescape") if settings.exists() else "")


def put(data: Path, value: str) -> None:
    """Write other routes into server.ini, which stays its owner's."""
    settings = data / SETTINGS
    of = settings.stat()
    whole_file.write(settings, read(data).replaced(value), of.st_mode & 0o777, (of.st_uid, of.st_gid))


def shown(value: str) -> str:
    """A route without user and password, as host:port; nothing where there is none."""
    return value.partition("|")[0].partition(":")[2].replace(";", ":")
