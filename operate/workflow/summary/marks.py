"""What in a preview deserves a second look: mail data, addresses, DKIM, MX and DNSSEC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from model.lasting_records import NO_MAIL
from model.relay import ITS_RECORD
from operate.workflow.summary import kinds
from operate.workflow.summary.changes import Change, Verb

DATA = "/data"
"""Where Poste keeps all mail, in its container."""


class Topic(Enum):
    """What is touched, with what it means if that goes wrong."""

    MAIL_DATA = "Mail data"
    ADDRESSES = "Addresses"
    DKIM = "DKIM"
    MX = "MX"
    DNSSEC = "DNSSEC"


REPLACEABLE = (kinds.VOLUME_ATTACHMENT, kinds.CONTAINER, kinds.COMMAND, kinds.RDNS)
"""What may be replaced without a loss: a new server, image or script does so with them."""

TOPICS = {
    kinds.VOLUME: Topic.MAIL_DATA,
    kinds.VOLUME_ATTACHMENT: Topic.MAIL_DATA,
    kinds.PRIMARY_IP: Topic.ADDRESSES,
    kinds.RDNS: Topic.ADDRESSES,
    kinds.ZONE_DNSSEC: Topic.DNSSEC,
}
"""Of the types that have one whatever changes."""

CONSEQUENCES = {
    Topic.MAIL_DATA: "all mail, mailboxes and DKIM keys are on it",
    Topic.ADDRESSES: "receivers know the server by them; new ones begin without a reputation",
    Topic.DKIM: "mail signed with a key that is not published fails DMARC",
    Topic.MX: "they decide where the domain's mail goes",
    Topic.DNSSEC: "while the parent has a DS record, a zone without signatures is wrong for all who validate",
}


@dataclass(frozen=True)
class Mark:
    """A topic and the changes that touch it."""

    topic: Topic
    changes: Sequence[Change]

    @property
    def loses(self) -> bool:
        """Whether something is destroyed or replaced that no later deploy brings back as it was."""
        return any(
            change.verb in (Verb.DESTROY, Verb.REPLACE) and change.type not in REPLACEABLE for change in self.changes
        )


def marks(changes: Sequence[Change]) -> Iterator[Mark]:
    """The topics that are touched, those that lose something first."""
    found = [Mark(topic, [change for change in changes if topic_of(change) is topic]) for topic in Topic]
    yield from sorted((mark for mark in found if mark.changes), key=lambda mark: not mark.loses)


def topic_of(change: Change) -> Topic | None:
    """The topic that a change touches, if any."""
    match change.type:
        case kinds.CONTAINER:
            return Topic.MAIL_DATA if _holds_data(change) else None
        case kinds.DNS_RECORD:
            return _topic_of_record(change)
        case kinds.COMMAND:
            return Topic.DKIM if change.name.startswith("dkim-") else None
    return TOPICS.get(change.type)


def _holds_data(change: Change) -> bool:
    mounts = [
        mount
        for inputs in (change.old, change.new)
        for key in ("volumes", "mounts")
        for mount in inputs.get(key) or ()
        if isinstance(mount, dict)
    ]
    return any(DATA in (mount.get("containerPath"), mount.get("target")) for mount in mounts)


def _topic_of_record(change: Change) -> Topic | None:
    if ITS_RECORD.fullmatch(change.name):
        return None  # a relay's, beside the domain's own
    types = {change.old.get("type"), change.new.get("type")}
    if kinds.is_dkim_record(change):
        return Topic.DKIM
    if "MX" in types and NO_MAIL not in (change.old.get("content"), change.new.get("content")):
        return Topic.MX
    return Topic.ADDRESSES if types & {"A", "AAAA"} else None
