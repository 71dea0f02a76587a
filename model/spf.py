"""SPF policies as they are written (RFC 7208)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LOOKUP_LIMIT = 10
"""Terms of one policy that may cost the receiver a question to DNS (RFC 7208, section 4.6.4)."""

LONGEST = 450
"""Bytes of a policy and its name that are sure to fit in an answer of 512 bytes by UDP (RFC 7208, section 3.4)."""

BEGINNING = re.compile(r"v=spf1( |$)", re.IGNORECASE)
"""How a policy begins: "v=spf10" is another version and no business of SPF's (RFC 7208, section 4.5)."""

MODIFIER = re.compile(r"[a-z][a-z0-9_.-]*=.*")
QUALIFIERS = "+-~?"
NETWORK = re.compile(r"ip[46]:(.+)")
COSTLY = re.compile(r"[-+~?]?(include|a|mx|ptr|exists|redirect)(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True)
class Mechanism:
    """A mechanism as it is written, with its qualifier (section 4.6.2)."""

    written: str

    @property
    def qualifier(self) -> str:
        """What becomes of whom it matches; + where that is not written."""
        return self.written[0] if self.written[0] in QUALIFIERS else "+"

    @property
    def text(self) -> str:
        """The mechanism without its qualifier."""
        return self.written.lstrip(QUALIFIERS)

    @property
    def network(self) -> str | None:
        """The network of an ip4 or ip6 mechanism."""
        match = NETWORK.fullmatch(self.text)
        return match[1] if match else None

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True)
class Policy:
    """The terms of a policy, in lower case."""

    terms: tuple[str, ...]

    @property
    def mechanisms(self) -> list[Mechanism]:
        """What is tried one after the other."""
        return [Mechanism(term) for term in self.terms if not MODIFIER.fullmatch(term)]


def is_policy(text: str) -> bool:
    """Whether receivers take a TXT record's text for an SPF policy."""
    return bool(BEGINNING.match(text))


def parse(text: str) -> Policy:
    """The policy that a text is."""
    return Policy(tuple(text.lower().split()[1:]))


def lookups(terms: Iterable[str]) -> int:
    """How many of a policy's own terms cost a look-up; what an include costs beyond its own is not seen here."""
    return sum(bool(COSTLY.match(term)) for term in terms)
