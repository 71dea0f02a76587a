"""A stack at one moment, as the commands for its status see it."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from operate.reports.sources import Source
from operate.reports.summary import DomainSummary, Summary
from operate.reports.verdict import Verdict
from operate.status.look import Look
from operate.verify import backup, container, domain_names, host_names, mail, reputation, tls
from operate.verify.result import Check, Finding, Result, fail, ok, unknown, warn
from tests.support.examples import STORAGE_BOX
from tests.support.verify_world import DOMAIN, HOST, IPV4, stack

SHOWN: dict[str, Any] = json.loads(Path(__file__).with_name("watch_shown.json").read_text())
"""What a server's watch shows, with an alarm."""
AT: int = SHOWN["at"]
TODAY = datetime.fromtimestamp(AT, UTC).date()


def well() -> dict[str, Any]:
    """The same server when all is well."""
    shown = copy.deepcopy(SHOWN)
    shown["dkim"] = dict.fromkeys(shown["dkim"], "ok")
    return shown | {"alarms": [], "told": {"url": "ok", "ntfy": "ok"}}


def history(days: int = 30) -> list[dict[str, Any]]:
    """A line an hour, more of everything in the middle of the day."""
    lines = []
    for hour in range(days * 24):
        at = AT - (days * 24 - hour) * 3600
        busy = 12 - abs(12 - hour % 24)
        lines.append(
            {"at": at, "in": busy * 2, "out": busy, "queue": busy // 4, "disk": 30 + hour // 70, "memory": 15 * 10**8}
        )
    return lines


def finding(check: Check, found: Finding, subject: str = HOST) -> Result:
    return Result(check, subject, found)


RESULTS: Sequence[Result] = (
    finding(host_names.CHECKS[0], ok(IPV4, IPV4)),
    finding(domain_names.CHECKS[0], ok(f"10 {HOST}", f"10 {HOST}"), DOMAIN),
    finding(domain_names.CHECKS[1], ok("v=spf1 a mx ip4:198.51.100.130 ~all"), DOMAIN),
    finding(domain_names.CHECKS[3], ok(f"v=DKIM1; k=rsa; p={'MIIBIjANBgkqhkiG9w0BAQEF' * 15}"), DOMAIN),
    finding(tls.CHECKS[1], ok("61 days of 90 left"), "25 IPv4, 25 IPv6, 465 IPv4, 465 IPv6, 993 IPv4, 993 IPv6"),
    finding(tls.CHECKS[2], ok("trusted"), "25 IPv4, 25 IPv6, 465 IPv4, 465 IPv6, 993 IPv4, 993 IPv6"),
    finding(container.DISK, warn("8 % free of 20.0 GB", "10 % or more"), HOST),
    finding(container.HEALTHY, ok("healthy", "healthy")),
    finding(reputation.CHECKS[0], unknown("no answer within 10 s", "not listed"), IPV4),
    finding(mail.CHECKS[0], ok("taken on 465 and 587 from ann@example.com"), "admin@example.com"),
    finding(mail.CHECKS[1], fail("ann@example.com: no such message <script>alert(1)</script>", "it arrives"), DOMAIN),
    finding(backup.AGE, ok("9 h ago; mail was away for 4 s of 71 s")),
)
"""One of each kind, with what strangers could have put there, and mailboxes' addresses."""


def source(name: str, address: str, passed: int, failed: int) -> Source:
    """A sender of the last weeks."""
    return Source(
        address, name, "own" if name == "this server" else "unknown", passed, failed, 0, passed, passed,
        {"none": passed + failed}, TODAY - timedelta(days=29), TODAY, 30, (),
    )  # fmt: skip


def reports() -> Summary:
    """What receivers have told of one domain, and of another nothing."""
    days: list[tuple[date, int, int]] = [
        (TODAY - timedelta(days=back), 40 + back % 7 * 5, 3 if back % 5 == 0 else 0) for back in range(29)
    ]
    some = DomainSummary(
        DOMAIN, "none", ("google.com", "Enterprise Outlook", "Yahoo"), 87, tuple(sorted(days)),
        (source("this server", IPV4, 1490, 0), source("", "203.0.113.99", 0, 18)),
        Verdict("quarantine", True, ("98.8 % of 1,508 messages passed.", "203.0.113.99 is unknown, and failed.")), None,
    )  # fmt: skip
    nothing = DomainSummary("example.org", "none", (), 0, (), (), Verdict("", False, ("No report has come.",)), None)
    return Summary(TODAY - timedelta(days=35), (some, nothing), ("admin@example.com",), (), (), 0)


def look(**changes: Any) -> Look:
    """A stack with a backup, an alarm and failed checks; with some of that changed."""
    found = Look(stack(**STORAGE_BOX), AT, SHOWN | {"history": history()}, RESULTS, reports())
    return replace(found, **changes)
