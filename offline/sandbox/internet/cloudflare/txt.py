r"""TXT content, as the API keeps it and as the wire carries it (RFC 1035 sections 3.3.14 and 5.1).

Content in quotation marks is read as a row of quoted character strings; those over 255 bytes are split, and the answer
shows the row that results: `"<255 bytes>" "<rest>"`. A client that sent one long string therefore reads back another
text than it sent. Content without quotation marks is accepted and kept as sent (the dashboard then shows a warning),
and is split only on the wire.
"""

from __future__ import annotations

import re

MAX_STRING = 255  # bytes in one character string

_QUOTED_ROW = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"\s*)+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)

UNQUOTED_WARNING = "The content field of TXT records must be in quotation marks."


def is_quoted(content: str) -> bool:
    """Whether the content claims to be a row of quoted strings."""
    return content.lstrip().startswith('"')


def strings(content: str) -> list[bytes]:
    """The character strings of the content, each at most 255 bytes; raises ValueError when the quoting is broken."""
    if not is_quoted(content):
        return _chunks(content.encode())
    if not _QUOTED_ROW.fullmatch(content):
        raise ValueError("quotation marks do not pair up")
    return [chunk for part in _QUOTED.findall(content) for chunk in _chunks(_unescape(part.encode()))]


def stored(content: str) -> str:
    """The content as the API keeps and shows it; raises ValueError when the quoting is broken."""
    if not is_quoted(content):
        return content
    return presentation(strings(content))


def presentation(parts: list[bytes]) -> str:
    r"""Character strings in the master file's form: quoted, with \" \\ and \DDD escapes."""
    return " ".join(f'"{_escape(part)}"' for part in parts)


def _chunks(text: bytes) -> list[bytes]:
    return [text[start : start + MAX_STRING] for start in range(0, len(text), MAX_STRING)] or [b""]


def _escape(text: bytes) -> str:
    return "".join(_escape_byte(byte) for byte in text)


def _escape_byte(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03d}"


def _unescape(text: bytes) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        escaped = match.group(1)
        if len(escaped) == 1:
            return escaped
        if int(escaped) > 0xFF:
            raise ValueError(rf"\{escaped.decode()} is no byte")
        return bytes([int(escaped)])

    return _ESCAPE.sub(one, text)
