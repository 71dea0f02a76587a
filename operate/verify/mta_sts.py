"""MTA-STS: a domain's promise about its mail hosts, which senders fetch over HTTPS and keep (RFC 8461)."""

import ssl
from collections.abc import Awaitable, Callable

from operate.verify.https_page import PageUnreadableError, page
from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn

PATH = "/.well-known/mta-sts.txt"


async def mta_sts(names: Names, domain: str, mail_host: str, policy: Callable[[], Awaitable[str]]) -> Finding:
    """No policy is announced, or the announced one can be fetched and names the mail host."""
    expected = f"none, or a policy that names {mail_host}"
    texts = (await names.authoritative(f"_mta-sts.{domain}", "TXT")).values
    records = [text for text in texts if text.startswith("v=STSv1")]
    if not records:
        return ok("no policy is announced", expected)
    try:
        fields = parse(await policy())
    except PageUnreadableError as error:
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
    """The fields of a policy (RFC 8461, section 3.2); raises PageUnreadableError for what is none."""
    fields: dict[str, list[str]] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), []).append(value.strip().lower())
    if fields.get("version") != ["stsv1"]:
        raise PageUnreadableError("what is served is no policy")
    return fields


def matches(pattern: str, host: str) -> bool:
    """Whether a policy's mx pattern means a host; a wildcard stands for one label (RFC 8461, section 4.1)."""
    return pattern == host or (pattern.startswith("*.") and pattern[2:] == host.partition(".")[2])


async def fetch(names: Names, domain: str, tls: ssl.SSLContext) -> str:
    """The policy as senders fetch it: no redirect (RFC 8461, section 3.3). Raises PageUnreadableError."""
    return await page(names, f"https://mta-sts.{domain}{PATH}", tls)
