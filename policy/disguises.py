"""Finds a secret in a text however it is written there: plainly, escaped, encoded, or broken into lines and strings."""

import base64
import binascii
import html
import re
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

SHORTEST_SECRET = 8
"""Shorter ones would be found by accident in texts that have nothing to do with them."""

DEEPEST = 3
"""How many encodings are looked through, one inside the other."""
MOST_BYTES = 1_000_000
"""How much of a compressed text is looked at."""

BETWEEN = str.maketrans("", "", " \t\r\n\0\"'\\")
"""Blanks, line ends, quotes and backslashes: what stands between the parts of a text that was broken into strings."""

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{3})|([nrt]))")

ALPHABETS: Mapping[str, tuple[re.Pattern[str], int, Callable[[str], bytes]]] = {
    "base64": (
        re.compile(r"[A-Za-z0-9+/_-]{8,}"),
        4,
        lambda run: base64.b64decode(run.replace("-", "+").replace("_", "/")),
    ),
    "base32": (re.compile(r"[A-Z2-7]{8,}"), 8, base64.b32decode),
    "hexadecimal": (re.compile(r"(?:[0-9a-fA-F]{2}[:-]?){8,}"), 2, lambda run: bytes.fromhex(re.sub("[:-]", "", run))),
}
"""How bytes are written as text: a run of such text, its group of characters, and how such a run is read."""


def gives_away(text: str, secret: str) -> bool:
    """Whether a secret of eight characters or more can be read in a text."""
    needle = _joined(_longest_line(secret))
    return len(needle) >= SHORTEST_SECRET and any(needle in reading for reading in _readings(text))


@lru_cache(maxsize=64)  # the same text is held against one secret after the other
def _readings(text: str) -> frozenset[str]:
    """All that a text may stand for, with nothing between its parts."""
    found = {text}
    newest = {text}
    for _ in range(DEEPEST):
        newest = {other for known in newest for other in (*_unescaped(known), *_decoded(known))} - found
        found |= newest
    return frozenset(_joined(reading) for reading in found)


def _longest_line(secret: str) -> str:
    """What gives a secret away: of a key in many lines the last full one, however the line breaks are written."""
    return max(reversed(secret.splitlines()), key=len, default="")


def _joined(text: str) -> str:
    return text.translate(BETWEEN)


def _unescaped(text: str) -> Iterator[str]:
    yield urllib.parse.unquote_plus(text)
    yield html.unescape(text)
    yield ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    four, two, octal, letter = escape.groups()
    if letter:
        return {"n": "\n", "r": "\r", "t": "\t"}[letter]
    return chr(int(octal, 8) if octal else int(four or two, 16))


def _decoded(text: str) -> Iterator[str]:
    """What runs of encoded text hold. Where a run begins is not known, since it may stand right behind a word."""
    for pattern, group, decode in ALPHABETS.values():
        for run in pattern.findall(_joined(text)):
            for start in range(group):
                whole = run[start:]
                with_whole_groups = whole[: len(whole) - len(whole) % group]
                for ending in {with_whole_groups, whole + "=" * (-len(whole) % group)}:
                    try:
                        content = decode(ending)
                    except (binascii.Error, ValueError):
                        continue
                    yield content.decode("utf-8", "replace")
                    if content[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda"):
                        yield _inflated(content)


def _inflated(content: bytes) -> str:
    try:
        return zlib.decompressobj(wbits=47).decompress(content, MOST_BYTES).decode("utf-8", "replace")
    except zlib.error:
        return ""
