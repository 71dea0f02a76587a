"""DKIM keys that take turns: where a change stands, and whether one is due (RFC 6376)."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from operate.verify.context import Context
from operate.verify.remedies import UP
from operate.verify.result import Check, Finding, ok, warn
from operate.verify.runner import Job
from operate.verify.stack import Domain, Rotation

ROTATION = Check(
    "dkim.rotation",
    "DKIM key in turn",
    "A change of the key takes up to three deploys, and stops where nobody makes the next (RFC 6376, section 3.1).",
    f"{UP}: it makes the step that is due.",
    required=False,
)
AGE = Check(
    "dkim.age",
    "DKIM key's age",
    "The longer a key is used, the more is lost with it; a yearly change keeps the way of changing it known (M3AAWG, "
    "DKIM key rotation).",
    f"Raise dkimRotation by one, then {UP}: the key changes with overlap.",
    required=False,
)
CHECKS = (ROTATION, AGE)

OLD = 400
"""Days after which a key is called old: a year, and time to get to it."""
DATE = re.compile(r"s(\d{8})\d{3}\.")
"""The date in a selector as Poste makes it, and this program."""
DAY = 86400


def jobs(context: Context) -> Iterable[Job]:
    """The checks of each domain."""
    for domain in context.selected:
        yield Job(ROTATION, domain.name, partial(rotation, domain.rotation, time.time()))
        yield Job(AGE, domain.name, partial(age, domain, time.time()))


async def rotation(found: Rotation | None, now: float) -> Finding:
    """Nothing is due; `now` is in seconds since the epoch."""
    if found is None:
        return ok("the first key")
    until = f"{datetime.fromtimestamp(found.due, UTC):%Y-%m-%d %H:%M} UTC"
    if found.phase == "revoked":
        return ok(f"key {found.number} signs, the former one is revoked")
    if found.phase == "signing":
        said = f"key {found.number} signs, the former one is published until {until}"
        return ok(said) if now < found.due else warn(said, "the former one revoked")
    said = f"key {found.number} is published" + (f"; {found.why}" if found.why else f" and can sign from {until} on")
    return ok(said) if now < found.due else warn(said, f"key {found.number} signs")


async def age(domain: Domain, now: float) -> Finding:
    """The key that signs is not old, by its selector's date; one that bears none may be of any age."""
    match = DATE.match(domain.dkim_name)
    try:
        made = datetime.strptime(match[1] if match else "", "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return ok("the selector bears no date")
    days = int((now - made.timestamp()) / DAY)
    if days <= OLD:
        return ok(f"{days} days", f"{OLD} days at most")
    if domain.rotation and domain.rotation.phase == "waiting":
        return ok(f"{days} days, and the next one is published", f"{OLD} days at most")
    return warn(f"{days} days", f"{OLD} days at most")
