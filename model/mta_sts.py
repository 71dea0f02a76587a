"""MTA-STS (RFC 8461): what senders are told about encryption to a domain's mail hosts, and how that may change.

A policy lies at an HTTPS address, and a TXT record tells by its id when there is another one. Senders keep a policy for
its max_age: so one that is enforced must not just go away, and what it promises must hold until then.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from model.stack_state import Held

Mode = Literal["testing", "enforce", "none"]
"""Senders only report what fails (testing), do not deliver where it fails (enforce), or forget the policy (none)."""

MAX_AGE: Mapping[Mode, timedelta] = {
    "testing": timedelta(days=1),
    "enforce": timedelta(days=7),
    "none": timedelta(days=1),
}
"""For how long senders keep a policy. With testing and none, a mistake is over after a day."""

COMPONENT = "poste-mail:index:SenderPolicy"
"""What keeps in the state what senders to the domain of its name were told."""
LABEL = "mta-sts"
"""The host that hands the policy out, below the domain (section 3.3)."""


def policy(mode: Mode, hosts: Sequence[str]) -> str:
    """The policy's text (section 3.2)."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts)]
    return "".join(f"{line}\r\n" for line in [*lines, f"max_age: {int(MAX_AGE[mode].total_seconds())}"])


def record(text: str) -> str:
    """The TXT record that announces a policy (section 3.1). Its id is another for another text."""
    return f"v=STSv1; id={hashlib.sha256(text.encode()).hexdigest()[:32]}"


def record_name(domain: str) -> str:
    """Where senders look for it."""
    return f"_mta-sts.{domain}"


def matches(pattern: str, host: str) -> bool:
    """Whether a policy's mx pattern means a host; a wildcard stands for one label (section 4.1)."""
    return pattern == host or (pattern.startswith("*.") and pattern[2:] == host.partition(".")[2])


@dataclass(frozen=True)
class Told:
    """What senders to a domain are told."""

    mode: Mode
    ended: datetime | None = None
    """When enforce ended, if it ever did: senders may keep that policy for its max_age from then on."""

    @property
    def outputs(self) -> dict[str, str]:
        """For the state."""
        return {"mode": self.mode} | ({"ended": self.ended.isoformat(timespec="seconds")} if self.ended else {})

    @property
    def forgotten(self) -> datetime | None:
        """From when on no sender enforces an earlier policy any more."""
        return self.ended and self.ended + MAX_AGE["enforce"]


def told(state: Iterable[Held]) -> dict[str, Told]:
    """What senders were told by the last deploy, by domain."""
    found = {}
    for held in state:
        if held.type == COMPONENT and "mode" in held.outputs:
            ended = held.outputs.get("ended")
            found[held.name] = Told(held.outputs["mode"], datetime.fromisoformat(ended) if ended else None)
    return found


def now_told(before: Told | None, mode: Mode, now: datetime) -> Told:
    """What senders are told by this deploy. The moment stays as it was, or the state would change each time."""
    if before is None or mode == "enforce":
        return Told(mode)
    return Told(mode, now if before.mode == "enforce" else before.ended)


def too_early(before: Mapping[str, Told], wanted: Mapping[str, Mode | None], now: datetime) -> Iterator[str]:
    """Why a policy must not change so yet, a sentence each; `wanted` has the domains that the settings name."""
    for domain, mode in wanted.items():
        if mode == "enforce" and domain not in before:
            yield (
                f"mtaSts: {domain} has no policy yet, and enforce stops mail from senders for whom something is wrong. "
                "Set testing, deploy that, and read the reports (tlsReports) for some days first"
            )
    for domain, then in before.items():
        if wanted.get(domain):
            continue
        if then.mode == "enforce":
            yield (
                f"mtaSts: senders that know the policy of {domain} enforce it for {MAX_AGE['enforce'].days} days more, "
                "and without it, or with the mail elsewhere, they would deliver nothing. Set none first and deploy that"
            )
        elif then.forgotten and now < then.forgotten:
            yield (
                f"mtaSts: senders may still enforce the former policy of {domain}. Leave none as it is until "
                f"{then.forgotten.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            )


def other_host(before: Mapping[str, Told], former: str | None, mail_host: str) -> Iterator[str]:
    """Why the mail host must not be another yet, in a sentence: its certificate comes after the MX that leads to it."""
    enforced = sorted(domain for domain, then in before.items() if then.mode == "enforce")
    if enforced and former not in (None, mail_host):
        yield (
            f"mailHost: senders to {', '.join(enforced)} deliver to {former} only, since they enforce a policy "
            "that says so (mtaSts). Set testing and deploy that, then change mailHost, and then go back to enforce"
        )
