"""How well other servers encrypt mail to a domain, by their TLS reports (RFC 8460)."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Failure:
    """One way in which sessions failed, at one of our mail hosts."""

    kind: str
    """The result type (RFC 8460, section 4.3), such as certificate-expired."""
    host: str
    """The MX host; empty where the report does not say."""
    sessions: int


@dataclass(frozen=True)
class Encryption:
    """TLS sessions of other servers with a domain's mail hosts."""

    days: tuple[tuple[date, int, int], ...]
    """Day, sessions that succeeded, sessions that failed."""
    failures: tuple[Failure, ...]
    reporters: tuple[str, ...]
    enforce: bool
    """Whether MTA-STS may be enforced (mtaSts)."""
    reasons: tuple[str, ...]

    @property
    def succeeded(self) -> int:
        """Sessions in all that were encrypted as they should be."""
        return sum(good for _, good, _ in self.days)

    @property
    def failed(self) -> int:
        """Sessions in all that were not."""
        return sum(bad for _, _, bad in self.days)
