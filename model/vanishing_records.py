"""Records of the state that the settings no longer ask for, as pure functions.

A record that goes while the world still reads it loses mail. So it goes on purpose only: not with a changed name or a
typing mistake, and not in the middle of a deploy that then fails because the record is protected.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.lasting_records import is_lasting
from model.settings import Settings
from model.stack_state import Held

DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"


@dataclass(frozen=True)
class Made:
    """A record as the stack's state has it."""

    resource: str
    id: str
    zone_id: str
    name: str
    type: str
    content: str
    urn: str


def made_records(state: Iterable[Held]) -> list[Made]:
    """The DNS records of a state."""
    return [
        Made(
            resource=held.name,
            id=str(held.outputs.get("id")),
            zone_id=str(held.outputs.get("zoneId")),
            name=str(held.outputs.get("name")),
            type=str(held.outputs.get("type")),
            content=str(held.outputs.get("content")),
            urn=held.urn,
        )
        for held in state
        if held.type == DNS_RECORD
    ]


def vanishing(
    made: Sequence[Made], wanted: Mapping[str, str], settings: Settings, mail_host: str | None, stack: str
) -> Iterator[str]:
    """Why a deploy must not go on, a sentence each.

    `wanted` are the identifiers of the zones that the records shall be in, by resource; `mail_host` is the mail host of
    the last complete deploy.
    """
    gone = [
        record
        for record in made
        if wanted.get(record.resource) != record.zone_id
        and is_lasting(record.resource, record.type, record.name, record.content)
    ]
    if any(record.resource == f"{mail_host}-a" and record.resource not in wanted for record in gone):
        path = f"formerMailHosts[{len(settings.former_mail_hosts)}]"
        yield (
            f"mailHost: it was {mail_host} until now, and mail programs and senders still go there. Keep its "
            "address records for a while:\n"
            f"  pulumi config set --path '{path}' {mail_host} --stack {stack}"
        )
        gone = [record for record in gone if record.name != mail_host]
    if gone and settings.protects("records"):
        listed = ", ".join(f"{record.name} {record.type}" for record in gone)
        yield (
            f"These DNS records would be deleted, and they are protected: {listed}. If that is meant, go back to the "
            "settings of the last deploy, lift the protection of the records and deploy that; then change the settings "
            "again:\n"
            f"  pulumi config set --path 'unprotected[{len(settings.unprotected)}]' records --stack {stack}\n"
            f"  pulumi up --stack {stack}"
        )


def twice(made: Sequence[Made], stack: str) -> Iterator[str]:
    """What to do about records that were imported although the state had them: deleting one would delete both."""
    of_components = {record.id for record in made if "$" in record.urn}
    for record in made:
        if "$" not in record.urn and record.id in of_components:
            yield (
                f"{record.name} {record.type} (id {record.id}) is in the state twice. Take the imported one out of "
                "it, which changes nothing at Cloudflare:\n"
                f"  pulumi state delete '{record.urn}' --force --stack {stack}"
            )
