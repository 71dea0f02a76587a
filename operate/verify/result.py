"""What a check is, and what it found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """Works, yet something deserves attention."""
    FAIL = "fail"
    UNKNOWN = "unknown"
    """Could not be found out: no answer in time, or what it depends on does not work."""


class Mend(StrEnum):
    """What can be mended on the server without risk; in the order in which it is."""

    CONTAINER = "container"
    """One that has stopped is started."""
    SERVICE = "service"
    """One in the container that is down comes up."""
    SIGNERS = "signers"
    """The links by which they find the DKIM keys are made."""
    FIREWALL = "firewall"
    """The host's is loaded, as the deploy left it."""
    TIMER = "timer"
    """One runs, now and after each boot."""


@dataclass(frozen=True)
class Check:
    """One thing that has to be so, whatever it is looked at for."""

    name: str
    """Group and check, for example `dns.mx`; `--only` selects by it."""
    title: str
    why: str
    """Why it matters, in a sentence, with the RFC or page that says so."""
    remedy: str
    """What to do if it is not so."""
    required: bool = True
    """Whether the mail server counts as broken without it."""
    deadline: float = 10.0
    """Seconds until the check is given up."""


@dataclass(frozen=True)
class Finding:
    """What was found for one subject of a check."""

    status: Status
    found: str
    expected: str = ""
    remedy: str = ""
    """What to do, where more is known than the check's general remedy."""
    mends: tuple[tuple[Mend, str], ...] = ()
    """What `--fix` does about it: each with its name on the server."""


@dataclass(frozen=True)
class Result:
    """A check's finding with what it was looked at for."""

    check: Check
    subject: str
    """A domain, an address or a port: what tells this result from the check's others."""
    finding: Finding

    @property
    def holds(self) -> bool:
        """Whether this result lets the mail server count as working."""
        return not self.check.required or self.finding.status in (Status.OK, Status.WARN)

    @property
    def remedy(self) -> str:
        """What to do; nothing where all is well."""
        return "" if self.finding.status is Status.OK else self.finding.remedy or self.check.remedy


def ok(found: str, expected: str = "") -> Finding:
    """It is as it should be."""
    return Finding(Status.OK, found, expected)


def warn(found: str, expected: str = "", remedy: str = "") -> Finding:
    """It works, yet not as well as it should."""
    return Finding(Status.WARN, found, expected, remedy)


def fail(found: str, expected: str = "", remedy: str = "", mends: Iterable[tuple[Mend, str]] = ()) -> Finding:
    """It is not as it should be."""
    return Finding(Status.FAIL, found, expected, remedy, tuple(mends))


def unknown(found: str, expected: str = "", remedy: str = "") -> Finding:
    """It could not be found out."""
    return Finding(Status.UNKNOWN, found, expected, remedy)


def equal(found: str, expected: str, remedy: str = "") -> Finding:
    """Ok where both are the same, else a failure."""
    return ok(found, expected) if found == expected else fail(found or "nothing", expected, remedy)
