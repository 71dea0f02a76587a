"""Tells of alarms by HTTPS, on all channels side by side. Runs on the server, hence standard library only.

An address is a secret: none stands in what is said of a channel.
"""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from side_by_side import side_by_side
from watch_looks import OK

ANSWER, TRIES, NAP = 10, 3, 1  # seconds for an answer; tries; seconds before the next
ALL = 35  # seconds for all channels
NAME = "poste-mail-watch"
"""What it calls itself (User-Agent): Cloudflare, which stands before Discord and others, turns urllib's name away."""
IN_QUERY = {("status", "up"): ("down", "msg"), ("state", "complete"): ("fail", "message")}
"""Of services that read the state in the address, Uptime Kuma and Cronitor: well, not well, and where a text goes."""
LONGEST = 500  # characters of a text in an address
NEWS = 1500  # characters of a message: Discord takes 2000, ntfy 4096 bytes, and what is longer they refuse

Alarms = Mapping[str, str]
"""The text of each alarm, by what it is of."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Who is sent elsewhere has told nobody."""

    def redirect_request(self, *_: object) -> None:
        return None


def tell(
    channels: Mapping[str, str], host: str, alarms: Alarms, known: Mapping[str, Alarms]
) -> tuple[dict[str, str], dict[str, Alarms]]:
    """How it went, by channel: `ok`, or why not; and what each address knows of now, which is root's alone to see.

    `known` is what each address was told and has not been told the end of: another one has heard nothing yet, whoever
    the channel's was before. A channel hears nothing of its own trouble.
    """
    works: dict[str, Callable[[], None]] = {}
    wanted: dict[str, Alarms] = {}
    for channel, address in channels.items():
        wanted[channel] = {key: text for key, text in alarms.items() if key != f"heartbeat {channel}"}
        works[channel] = partial(WAYS[channel], address, host, wanted[channel], known.get(address, {}))
    done = side_by_side(works, ALL)
    told = {channel: OK if found is None else _why(found) for channel, found in done.items()}
    return told, {
        address: wanted[channel] if told[channel] == OK else known.get(address, {})
        for channel, address in channels.items()
    }


def _ping(address: str, _host: str, alarms: Alarms, _known: Alarms) -> None:
    """All is well, each round anew; or not, with the alarms in one line: /fail, unless the address holds the state."""
    if not alarms:
        _send(urllib.request.Request(address))
        return
    parts, text = urlsplit(address), "; ".join(alarms.values())
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for (name, well), (ill, says) in IN_QUERY.items():
        if query.get(name) == well:
            told = urlencode(query | {name: ill, says: text[:LONGEST]})
            _send(urllib.request.Request(urlunsplit(parts._replace(query=told))))
            return
    failing = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
    _send(urllib.request.Request(failing, text.encode()))


def _ntfy(address: str, host: str, alarms: Alarms, known: Alarms) -> None:
    if news := _news(alarms, known):
        _send(urllib.request.Request(address, news.encode(), {"Title": host, "Content-Type": "text/plain"}))


def _webhook(address: str, host: str, alarms: Alarms, known: Alarms) -> None:
    if news := _news(alarms, known):
        body = json.dumps({"text": f"{host}\n{news}"})
        _send(urllib.request.Request(address, body.encode(), {"Content-Type": "application/json"}))


WAYS = {"url": _ping, "ntfy": _ntfy, "webhook": _webhook}


def _news(alarms: Alarms, known: Alarms) -> str:
    """What began and what is over, a line for each, as many as a chat takes; empty where nothing did."""
    lines = [text for key, text in alarms.items() if key not in known]
    lines += [f"Over: {text}" for key, text in known.items() if key not in alarms]
    fitting = len(lines)
    while len("\n".join(lines[:fitting])) > NEWS:
        fitting -= 1
    more = [f"and {len(lines) - fitting} more"] if fitting < len(lines) else []
    return "\n".join([*lines[:fitting], *more])


def _send(request: urllib.request.Request) -> None:
    """Raises OSError, as most errors of urllib are, or HTTPException."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    opener.addheaders = [("User-Agent", NAME)]
    for left in reversed(range(TRIES)):
        try:
            with opener.open(request, timeout=ANSWER) as answer:
                answer.read(1000)
            return
        except (OSError, http.client.HTTPException):
            if not left:
                raise
            time.sleep(NAP)


def _why(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answers {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return "cannot be reached" if isinstance(error, OSError) else f"gives no answer of HTTP ({type(error).__name__})"
