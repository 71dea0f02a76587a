"""MTA-STS: a domain's promise about its mail hosts, which senders fetch over HTTPS and keep (RFC 8461)."""

import ssl
from collections.abc import Awaitable, Callable, Sequence

from model.mta_sts import LABEL, Mode, matches, policy, record, record_name
from model.web_hosts import RIGHTS
from operate.verify.certificates import Look, covers
from operate.verify.https_page import PageUnreadableError, page
from operate.verify.mx import NULL, hosts
from operate.verify.names import Names
from operate.verify.remedies import NAME, REFRESH, RERUN, UP
from operate.verify.result import Finding, fail, ok, warn

PATH = "/.well-known/mta-sts.txt"

BEGIN = f"pulumi config set mtaSts testing --stack {NAME}, then {UP}. cloudflare:apiToken needs {RIGHTS} for it."
ENFORCE = f"Set mtaSts to enforce once the reports (tlsReports) show no surprise; then {UP}."
RESTORE = f"{REFRESH}, which publishes record and policy as the settings say."

Fetch = Callable[[], Awaitable[str]]
"""Fetch a domain's policy; raises PageUnreadableError."""


async def own_policy(names: Names, domain: str, mode: Mode, mail_hosts: Sequence[str], fetch: Fetch) -> Finding:
    """The stack's own policy is announced and served as the settings say, and names the hosts that get the mail."""
    text = policy(mode, mail_hosts)
    expected = _shown(text)
    try:
        served = await fetch()
        if served != text:
            return fail(f"serves {_shown(served)}", expected, RESTORE)
    except PageUnreadableError as error:
        return fail(str(error), expected, RESTORE)
    records = await _records(names, domain)
    if records != [record(text)]:
        # With several, senders take none (RFC 8461, section 3.1); by another id they do not learn of this policy.
        found = " | ".join(records) or f"no record at {record_name(domain)}"
        return fail(found, record(text), f"Delete all but the stack's. {RESTORE}")
    if mode == "none":
        return ok("mode none: senders forget it", expected)
    receiving = [host for host in hosts(await names.authoritative(domain, "MX")) if host != NULL]
    strange = [host for host in receiving if not any(matches(pattern, host) for pattern in mail_hosts)]
    if strange:
        return fail(f"{', '.join(strange)} gets mail (MX) and is not in the policy", expected, "See dns.mx.")
    return warn("mode testing: senders only report", "mode enforce", ENFORCE) if mode == "testing" else ok(expected)


async def enforceable(mail_hosts: Sequence[str], look: Look) -> Finding:
    """What port 25 presents is trusted, and is for each host of a policy that senders enforce (section 4.2)."""
    presented = await look()
    expected = f"a trusted certificate for {', '.join(mail_hosts)}"
    lacking = [host for host in mail_hosts if not covers(presented.names, host)]
    if not presented.distrust and not lacking:
        return ok(expected, expected)
    found = presented.distrust or f"the certificate is not for {', '.join(lacking)}"
    return fail(f"senders do not deliver: {found}", expected, f"{RERUN}. Until it is well, set mtaSts to testing.")


async def former_policy(names: Names, domain: str, mail_host: str, fetch: Fetch) -> Finding:
    """What an earlier server announced can be fetched and names the mail host, where the stack has no policy."""
    expected = f"none, or a policy that names {mail_host}"
    records = await _records(names, domain)
    if not records:
        return warn("no policy, so that whoever is between may read mail to the domain", "a policy", BEGIN)
    try:
        fields = parse(await fetch())
    except PageUnreadableError as error:
        return fail(f"announced ({' | '.join(records)}), but {error}", expected)
    mode = fields.get("mode", [""])[0]
    named = fields.get("mx", [])
    if mode == "none":
        return ok("mode none", expected)
    if any(matches(pattern, mail_host) for pattern in named):
        return ok(f"mode {mode} for {', '.join(named)}", expected)
    found = f"mode {mode or 'missing'} for {', '.join(named) or 'no host'}"
    return warn(found, expected) if mode == "testing" else fail(found, expected)


async def _records(names: Names, domain: str) -> list[str]:
    texts = (await names.authoritative(record_name(domain), "TXT")).values
    return [text for text in texts if text.startswith("v=STSv1")]


def _shown(text: str) -> str:
    """A policy in a line; raises PageUnreadableError for what is none."""
    fields = parse(text)
    mode, age = (", ".join(fields.get(key, ["missing"])) for key in ("mode", "max_age"))
    return f"mode {mode} for {', '.join(fields.get('mx', [])) or 'no host'}, kept for {age} s"


def parse(text: str) -> dict[str, list[str]]:
    """The fields of a policy (RFC 8461, section 3.2); raises PageUnreadableError for what is none."""
    fields: dict[str, list[str]] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), []).append(value.strip().lower())
    if fields.get("version") != ["stsv1"]:
        raise PageUnreadableError("what is served is no policy")
    return fields


async def fetch(names: Names, domain: str, tls: ssl.SSLContext) -> str:
    """The policy as senders fetch it: no redirect (RFC 8461, section 3.3). Raises PageUnreadableError."""
    return (await page(names, f"https://{LABEL}.{domain}{PATH}", tls)).text
