"""Records that already stand in a zone and are in the way of ours, as pure functions.

Another SPF policy makes both invalid (RFC 7208, section 4.5), another MX takes mail away, another address splits the
mail host in two. Nothing foreign is ever changed or deleted: the preview stops and says how to take the record over.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.records import txt_value

ADDRESS_TYPES = ("A", "AAAA", "CNAME")


@dataclass(frozen=True)
class Record:
    """A DNS record as Cloudflare holds it."""

    id: str
    name: str
    type: str
    content: str
    comment: str = ""


@dataclass(frozen=True)
class Wanted:
    """A record that this stack makes: the resource's name, and the record's name and type."""

    resource: str
    name: str
    type: str
    marker: str = ""
    """For TXT: how the text begins. Other texts may stand beside it."""


def clashes(wanted: Wanted, existing: Record) -> bool:
    """Whether an existing record cannot stand beside a wanted one."""
    if existing.name.lower() != wanted.name:
        return False
    if existing.type == "CNAME" or (wanted.type in ADDRESS_TYPES and existing.type in ADDRESS_TYPES):
        # A foreign address of the other family would split the mail host between two servers.
        return True
    if existing.type != wanted.type:
        return False
    return existing.type != "TXT" or txt_value(existing.content).lower().startswith(wanted.marker)


def in_the_way(
    wanted: Sequence[Wanted], existing: Iterable[Record], owner: str, adopted: Collection[str]
) -> Iterator[tuple[Wanted, Record]]:
    """Foreign records that clash with a wanted one, each with the wanted record that would take its place.

    A record is ours if its comment is `owner`, or if its id is in `adopted` (imported by hand and not yet commented).
    """
    for record in existing:
        if record.comment == owner or record.id in adopted:
            continue
        clashing = [want for want in wanted if clashes(want, record)]
        if clashing:
            yield min(clashing, key=lambda want: want.type != record.type), record


def explain(zone_id: str, conflicts: Iterable[tuple[Wanted, Record]], adopted: int, stack: str) -> str:
    """What is in the way, and how it is taken over or kept. `adopted` counts the records that already were.

    The import generates no code, since the program has the resource already.
    """
    flags = f"--stack {stack} --generate-code=false"
    lines = ["DNS records that this stack did not make are in the way. Nothing was changed."]
    for number, (want, record) in enumerate(conflicts, start=adopted):
        lines += [
            f"  {record.name} {record.type} {record.content} (id {record.id})",
            "    To let this stack take it over and change it, run both:",
            f"      pulumi import cloudflare:index/dnsRecord:DnsRecord {want.resource} {zone_id}/{record.id} {flags}",
            f"      pulumi config set --path 'adoptedRecords[{number}]' {record.id} --stack {stack}",
            "    To keep it as it is, use another name or domain; to be rid of it, delete it at Cloudflare.",
        ]
    return "\n".join(lines)
