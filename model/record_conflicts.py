"""What is in the way of the records that a stack makes, and what to do about each, as pure functions."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from model.existing_records import Record, Wanted, clashes, is_as_wanted
from model.records import txt_value
from model.settings import Settings
from model.spf_terms import terms_beside

Way = Literal["lost", "adopted", "take over", "delete", "rename", "locked"]


@dataclass(frozen=True)
class Conflict:
    """An existing record that is in the way of a wanted one, and the way out."""

    wanted: Wanted
    record: Record
    way: Way


@dataclass(frozen=True)
class Ownership:
    """By what a stack knows its own records."""

    owner: str
    """The stack's own mark, with which the comments of its records end; empty if it has none yet."""
    earlier: str = ""
    """The whole comment that marked its records before there were owner ids."""
    ids: Collection[str] = ()
    """Identifiers of the records in the stack's state."""
    resources: Collection[str] = ()
    """Logical names of the records in the stack's state."""
    adopted: Collection[str] = ()
    """Identifiers of records that were to be taken over."""
    addresses: Collection[str] = ()
    """The server's addresses, as far as they exist."""
    served: Collection[str] = ()
    """The hosts that our Worker serves already."""

    def marks(self, record: Record) -> bool:
        """Whether the comment says that this stack made the record."""
        return record.comment.endswith(self.owner or "\n") or record.comment == (self.earlier or "\n")


def conflicts(
    wanted: Sequence[Wanted], existing: Iterable[Record], zone: str, ownership: Ownership
) -> Iterator[Conflict]:
    """What is in the way in one zone. What the stack's state has is ours, whatever its comment says.

    A record that we would make just so, or that carries our mark, is not foreign either; but the state must have it
    before it can be changed, or a second one would be made.
    """
    foreign = [record for record in existing if record.id not in ownership.ids]
    told = set()
    for position, want in enumerate(wanted):
        has_one = want.resource in ownership.resources
        found = [
            record for record in foreign if record.id not in told and _in_the_way(want, record, zone, ownership, wanted)
        ]
        # Of several DKIM keys the newest comes first, whose selector has the latest date.
        found.sort(key=lambda record: record.name, reverse=True)
        for record in sorted(found, key=lambda record: not _is_ours(want, record, ownership)):
            if has_one and want.name.startswith("*.") and any(o.name == want.name for o in wanted[position + 1 :]):
                break  # it is the next one's
            told.add(record.id)
            way = _way(want, record, ownership, has_one)
            yield Conflict(want, record, way)
            has_one = has_one or way in ("lost", "adopted", "take over")


def _in_the_way(want: Wanted, record: Record, zone: str, ownership: Ownership, wanted: Sequence[Wanted]) -> bool:
    if want.name.startswith("*.") and record.type == "TXT":
        # The selector is not known yet; a key under our mark is a lost one, another's does no harm beside it.
        return record.name.endswith(want.name[1:]) and ownership.marks(record)
    if not clashes(want, record, zone) or (want.kind == "web" and want.name in ownership.served):
        return False
    # The record of its own type would take its place, if there is one.
    return want.type == record.type or not any(
        other.type == record.type and clashes(other, record, zone) for other in wanted
    )


def _is_ours(want: Wanted, record: Record, ownership: Ownership) -> bool:
    return record.type == want.type and (ownership.marks(record) or is_as_wanted(want, record, ownership.addresses))


def _way(want: Wanted, record: Record, ownership: Ownership, has_one: bool) -> Way:
    if want.kind == "web":
        return "delete"
    if record.locked:
        return "locked"
    if record.type != want.type:
        return "rename"
    if has_one:
        return "delete"
    if record.id in ownership.adopted:
        return "adopted"
    return "lost" if _is_ours(want, record, ownership) else "take over"


def explain(found: Iterable[tuple[str, Conflict]], settings: Settings, stack: str) -> str:
    """What is in the way, each with its zone's identifier, and what to do. Imports generate no code: it is there."""
    lines = ["DNS records are in the way:"]
    for zone_id, conflict in found:
        record, want = conflict.record, conflict.wanted
        comment = f", comment {record.comment!r}" if record.comment else ""
        lines.append(f"  {record} (id {record.id}{comment}), in the way of this stack's {want.kind} record:")
        lines += [f"    {line}" for line in SENTENCES[conflict.way].format(stack=stack).splitlines()]
        if conflict.way in ("lost", "adopted", "take over"):
            flags = f"--stack {stack} --generate-code=false"
            where = f"{want.resource} {zone_id}/{record.id}"
            lines.append(f"      pulumi import cloudflare:index/dnsRecord:DnsRecord {where} {flags}")
        if want.kind == "SPF" and record.type == "TXT" and conflict.way != "lost":
            lines += [f"    {line}" for line in _other_senders(want, record, settings, stack)]
    return "\n".join(lines)


def _other_senders(want: Wanted, record: Record, settings: Settings, stack: str) -> Iterator[str]:
    """How the senders that another SPF policy allows are kept, in the domain's one policy."""
    keep, drop = terms_beside(txt_value(record.content), want.content or "")
    (index,) = (index for index, domain in enumerate(settings.domains) if domain.name == want.domain)
    if keep:
        yield "It allows senders that this stack's policy does not. Keep those that still send for the domain:"
    for number, term in enumerate(keep, start=len(settings.domains[index].senders)):
        yield f"  pulumi config set --path 'domains[{index}].senders[{number}]' '{term}' --stack {stack}"
    if drop:
        yield f"These terms of it cannot be kept: {' '.join(drop)}"


SENTENCES: dict[Way, str] = {
    "lost": (
        "It is this stack's, or just as this stack would make it, but the state does not know it: a deploy was killed\n"
        "or the state was lost. Bring it back into the state, all at once with\n"
        "  ./run mail repair --stack {stack}\n"
        "or this one alone with"
    ),
    "adopted": "It is listed in adoptedRecords but was never imported. Run:",
    "take over": (
        "This stack did not make it. To keep it as it is, use another name or domain; to be rid of it, delete it at\n"
        "Cloudflare; to let this stack take it over and change it, run:"
    ),
    "delete": "This stack did not make it, and what it makes takes its place: delete this one at Cloudflare.",
    "rename": (
        "Nothing else may stand there beside it, and no import can make it another type: delete it at Cloudflare, or\n"
        "use another name or domain."
    ),
    "locked": (
        "Cloudflare's Email Routing keeps it locked: turn Email Routing off for the zone (dashboard: Email, Email\n"
        "Routing, Settings), which takes its records away."
    ),
}
"""What to do about each kind of conflict."""
