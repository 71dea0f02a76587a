"""The zones at Cloudflare: found and read once a run, before anything is registered, and then filled with records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.questions import ask
from components.options import child
from model.dkim_rotation import Rotation
from model.existing_records import Record, Wanted
from model.labels import earlier_comment, owner_comment
from model.left_overs import left_overs
from model.record_conflicts import Conflict, Ownership, conflicts, explain
from model.records import is_report_consent
from model.settings import MailDomainSettings, Settings
from model.stack_state import Held
from model.values import is_within
from model.vanishing_records import made_records, twice, vanishing
from model.wanted_records import wanted_records

ALL_RECORDS = 50_000
"""More than any zone may hold, so that the answer is never cut."""


@dataclass(frozen=True)
class Zone:
    """A zone as it stands before the deploy."""

    id: str
    name: str
    records: Sequence[Record]


class Zones:
    """The zones of all domains. `state` is what the stack has, `addresses` are the server's that exist already.

    Raises pulumi.RunError with all that is in the way of any record, before anything is registered: so a refused
    deploy has changed nothing.
    """

    def __init__(
        self,
        settings: Settings,
        state: Sequence[Held],
        rotations: Mapping[str, Rotation],
        provider: cloudflare.Provider,
        addresses: Sequence[str] = (),
    ) -> None:
        project, stack = pulumi.get_project(), pulumi.get_stack()
        self._settings = settings
        self._options = pulumi.InvokeOptions(provider=provider)
        self._comment = owner_comment(project, stack, settings.owner)
        made = made_records(state)
        self._ownership = Ownership(
            owner=settings.owner,
            earlier=earlier_comment(project, stack),
            ids={record.id for record in made},
            resources={record.resource for record in made},
            adopted=settings.adopted_records,
            addresses=addresses,
        )
        self._read: dict[str, Zone] = {}
        self._by_domain = {domain.name: self._zone_of(domain) for domain in settings.domains}
        wanted = list(wanted_records(settings, rotations))
        zone_ids = {want.resource: self._by_domain[want.domain].id for want in wanted}
        refused = [
            *twice(made, stack),
            *vanishing(made, zone_ids, settings, _mail_host(state), stack),
            *self._in_the_way(wanted),
        ]
        if refused:
            raise pulumi.RunError("\n".join([*refused, "Nothing was changed."]))
        if pulumi.runtime.is_dry_run():
            self._warn(addresses or [record.content for record in made])

    def make(
        self,
        wanted: Wanted,
        content: pulumi.Input[str],
        parent: pulumi.Resource,
        *,
        name: pulumi.Input[str] | None = None,
        may_go: bool = False,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> cloudflare.DnsRecord:
        """Make a record; `name` is given where it was not known before, `may_go` where no mail hangs on it any more.

        It is never proxied: Cloudflare's proxy carries web traffic only, and a proxied mail host gets no mail.
        """
        may_go = may_go or is_report_consent(wanted.name)
        protect = self._settings.protects("records") and not may_go
        (domain,) = (domain for domain in self._settings.domains if domain.name == wanted.domain)
        return cloudflare.DnsRecord(
            wanted.resource,
            zone_id=self._by_domain[wanted.domain].id,
            name=name or wanted.name,
            type=wanted.type,
            content=content,
            priority=wanted.priority,
            ttl=domain.ttl,
            proxied=False,
            comment=self._comment,
            # Without its records a domain gets no mail, and what others then bounce is lost.
            opts=child(parent, protect=protect, depends_on=list(depends_on)),
        )

    def refuse_beside(self, wanted: Wanted) -> None:
        """Raise pulumi.RunError if something is in the way of a record whose name was not known before."""
        for reason in self._in_the_way([wanted]):
            raise pulumi.RunError(reason)

    def _in_the_way(self, wanted: Sequence[Wanted]) -> Iterator[str]:
        found = list(self._conflicts(wanted))
        if found:
            yield explain(found, self._settings, pulumi.get_stack())

    def _conflicts(self, wanted: Sequence[Wanted]) -> Iterator[tuple[str, Conflict]]:
        for zone in self._read.values():
            here = [want for want in wanted if self._by_domain[want.domain].id == zone.id]
            for conflict in conflicts(here, zone.records, zone.name, self._ownership):
                yield zone.id, conflict

    def _warn(self, addresses: Sequence[str]) -> None:
        foreign = [
            record
            for zone in self._read.values()
            for record in zone.records
            if record.id not in self._ownership.ids and not self._ownership.marks(record)
        ]
        for sentence in left_overs(self._settings, foreign, addresses):
            pulumi.log.warn(sentence)

    def _zone_of(self, domain: MailDomainSettings) -> Zone:
        for zone in self._read.values():
            if zone.id == domain.zone_id or (zone.name == domain.zone_name and not domain.zone_id):
                break
        else:
            zone = self._ask(domain)
            self._read[zone.id] = zone
        if not is_within(domain.name, zone.name):
            raise pulumi.RunError(
                f"domains: zoneId {zone.id} is zone {zone.name}, which does not hold {domain.name}. Expected the "
                "identifier of the zone that holds it, or none: it is then looked up by name"
            )
        return zone

    def _ask(self, domain: MailDomainSettings) -> Zone:
        found = ask(
            f"domains: no zone {domain.zone_id or domain.zone_name} at Cloudflare that cloudflare:apiToken may read "
            "(rights Zone: Read, DNS: Edit)",
            lambda: (
                cloudflare.get_zone(zone_id=domain.zone_id, opts=self._options)
                if domain.zone_id
                else cloudflare.get_zone(
                    filter=cloudflare.GetZoneFilterArgs(name=domain.zone_name, match="all"), opts=self._options
                )
            ),
        )
        records = ask(
            f"domains: the records of zone {found.name} cannot be read",
            lambda: cloudflare.get_dns_records(zone_id=found.zone_id, max_items=ALL_RECORDS, opts=self._options),
        )
        return Zone(str(found.zone_id), str(found.name), [Record.of(record) for record in records.results])


def _mail_host(state: Iterable[Held]) -> str | None:
    """The mail host of the last deploy that was complete."""
    outputs = next((held.outputs for held in state if held.type == "pulumi:pulumi:Stack"), {})
    return outputs.get("mailHost")
