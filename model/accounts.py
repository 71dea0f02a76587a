"""Mailboxes and aliases of a domain, as types, and what follows from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from model.base import Model
from model.values import EmailAddress, Fqdn, email_address, fqdn

EVERYBODY = "*"
"""The local part of an alias's target that stands for all mailboxes of a domain."""

ROLES = ("postmaster", "abuse")
"""Addresses that each domain has to have (RFC 5321, section 4.5.1; RFC 2142, section 4)."""

Amount = Annotated[int, Field(ge=0, le=10**9)]


def _target(value: str) -> str:
    local, at, domain = value.rpartition("@")
    return f"{EVERYBODY}@{fqdn(domain)}" if at and local == EVERYBODY else email_address(value)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _each_once(value: Any) -> Any:
    if isinstance(value, Mapping):
        times = Counter(str(address).lower() for address in value)
        twice = sorted(address for address, count in times.items() if count > 1)
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there more than once. Expected each address once")
    return value


EachOnce = BeforeValidator(_each_once)
"""Of a table by address: none is there in two spellings, one of which would be lost."""
Target = Annotated[str, AfterValidator(_target)]
"""Where an alias leads: an address, also elsewhere, or *@ and a domain of this stack for each of its mailboxes."""
Targets = Annotated[tuple[Target, ...], BeforeValidator(_listed), Field(min_length=1)]


class MailboxSettings(Model):
    """One person's, or one service's, mailbox. What is left out stays as it is where Poste has the mailbox already."""

    address: EmailAddress
    name: str | None = None
    """What mail programs show beside the address."""
    quota_mb: Amount | None = None
    """Megabytes of mail that it may hold; 0 for no limit."""
    quota_messages: Amount | None = None
    """Messages that it may hold; 0 for no limit."""
    disabled: bool | None = None
    """Whether mail to it is refused and nobody can sign in; its mail is kept."""
    administrator: bool | None = None
    """Whether it may do everything in Poste, also make mailboxes and read others' settings."""
    internal_only: bool | None = None
    """Whether it takes no mail from outside."""
    password: Literal["once", "always"] = "once"  # noqa: S105 - no password
    """`once`: set when the mailbox is made, and never again, so that what its owner changed stays. `always`: set
    whenever another one is the mailbox's, as services need it.
    """


class Accounts(Model):
    """What may stand for a domain in the stack's settings and in its file of accounts alike."""

    mailboxes: tuple[MailboxSettings, ...] = ()
    aliases: Annotated[Mapping[EmailAddress, Targets], EachOnce] = {}
    """Addresses without a mailbox of their own, and where they lead."""
    catch_all: EmailAddress | None = None
    """Where mail for addresses goes that nobody has; refused unless set."""
    forward_to: Fqdn | None = None
    """The domain whose mailboxes get all mail of this one."""

    @property
    def addresses(self) -> list[str]:
        """All addresses that are named here, in their order, each as often as it is."""
        return [*(box.address for box in self.mailboxes), *self.aliases]


def loops(ways: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Ways that lead back to themselves, each from its first address to the same again; none through one address twice.

    `ways` tells of each address where its mail goes.
    """
    left = {address: [target for target in targets if target in ways] for address, targets in ways.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            way = list(reversed(error.args[1]))
            found.append(way)
            left = {
                address: [target for target in targets if target not in way]
                for address, targets in left.items()
                if address not in way
            }
        else:
            return found


def with_forwards(aliases: Mapping[str, Sequence[str]], forwards: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Where addresses lead: those of aliases, and those of domains whose mail is another's."""
    ways, waiting = dict(aliases), [target for targets in aliases.values() for target in targets]
    while waiting:
        address = waiting.pop()
        local, _, home = address.rpartition("@")
        if address not in ways and home in forwards and local != EVERYBODY:
            ways[address] = [f"{local}@{forwards[home]}"]
            waiting += ways[address]
    return ways
