"""MTA-STS: a domain's promise about its mail hosts, which senders fetch over HTTPS and keep (RFC 8461)."""

import asyncio
import http.client
import socket
import ssl
from collections.abc import Awaitable, Callable

from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn

TIMEOUT = 10.0
LIMIT = 64 * 1024
"""Bytes of a policy that are read (RFC 8461, section 3.3)."""
PATH = "/.well-known/mta-sts.txt"


class PolicyUnreadableError(Exception):
    """Senders cannot get a policy; the text says why."""


async def mta_sts(names: Names, domain: str, mail_host: str, policy: Callable[[], Awaitable[str]]) -> Finding:
    """No policy is announced, or the announced one can be fetched and names the mail host."""
    expected = f"none, or a policy that names {mail_host}"
    texts = (await names.authoritative(f"_mta-sts.{domain}", "TXT")).values
    records = [text for text in texts if text.startswith("v=STSv1")]
    if not records:
        return ok("no policy is announced", expected)
    try:
        fields = parse(await policy())
    except PolicyUnreadableError as error:
        return fail(f"announced ({' | '.join(records)}), but {error}", expected)
    mode = fields.get("mode", [""])[0]
    hosts = fields.get("mx", [])
    if mode == "none":
        return ok("mode none", expected)
    if any(matches(pattern, mail_host) for pattern in hosts):
        return ok(f"mode {mode} for {', '.join(hosts)}", expected)
    found = f"mode {mode or 'missing'} for {', '.join(hosts) or 'no host'}"
    return warn(found, expected) if mode == "testing" else fail(found, expected)


def parse(text: str) -> dict[str, list[str]]:
    """The fields of a policy (RFC 8461, section 3.2); raises PolicyUnreadableError for what is none."""
    fields: dict[str, list[str]] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), []).append(value.strip().lower())
    if fields.get("version") != ["stsv1"]:
        raise PolicyUnreadableError("what is served is no policy")
    return fields


def matches(pattern: str, host: str) -> bool:
    """Whether a policy's mx pattern means a host; a wildcard stands for one label (RFC 8461, section 4.1)."""
    return pattern == host or (pattern.startswith("*.") and pattern[2:] == host.partition(".")[2])


async def fetch(names: Names, domain: str) -> str:
    """The policy as senders fetch it, with a certificate for this very name; raises PolicyUnreadableError."""
    host = f"mta-sts.{domain}"
    addresses = [*(await names.public(host, "A")).values, *(await names.public(host, "AAAA")).values]
    if not addresses:
        raise PolicyUnreadableError(f"{host} has no address")
    return await asyncio.to_thread(_fetch, host, addresses[0])


def _fetch(host: str, address: str) -> str:
    connection = http.client.HTTPSConnection(host, timeout=TIMEOUT)
    try:
        plain = socket.create_connection((address, 443), TIMEOUT)
        connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        connection.request("GET", PATH)
        answer = connection.getresponse()
        # A redirect is no policy either (RFC 8461, section 3.3).
        if answer.status != 200:
            raise PolicyUnreadableError(f"https://{host}{PATH} answers {answer.status}")
        return answer.read(LIMIT).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise PolicyUnreadableError(f"https://{host}{PATH}: {error}") from error
    finally:
        connection.close()
