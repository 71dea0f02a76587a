"""A mailbox as a mail program sees it: the ways in, the recommended first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Way:
    """One way to reach a mailbox or to send from it."""

    protocol: str
    """imap, pop3, smtp or sieve."""
    server: str
    port: int
    security: str
    """TLS or STARTTLS."""


@dataclass(frozen=True)
class Account:
    """One mailbox with all its ways."""

    address: str
    ways: tuple[Way, ...]

    def by(self, protocol: str) -> Sequence[Way]:
        """The ways of a protocol."""
        return [way for way in self.ways if way.protocol == protocol]

    @property
    def domain(self) -> str:
        """The mailbox's domain."""
        return self.address.rpartition("@")[2]

    @property
    def receiving(self) -> Way:
        """The recommended way to read mail: IMAP over TLS, which every stack has."""
        return self.by("imap")[0]

    @property
    def sending(self) -> Way:
        """The recommended way to send mail."""
        return self.by("smtp")[0]

    @property
    def others(self) -> Sequence[Way]:
        """What is open beside the recommended ways."""
        return [way for way in self.ways if way not in (self.receiving, self.sending)]


def account(address: str, settings: Mapping[str, Sequence[Mapping[str, Any]]]) -> Account:
    """A mailbox with the ways of the stack's output clientSettings."""
    ways = [
        Way(protocol, str(way["server"]), int(way["port"]), str(way["security"]))
        for protocol, listed in settings.items()
        for way in listed
    ]
    return Account(address, tuple(ways))
