"""The zones at Cloudflare: found and read once a run, before anything is registered, and then filled with records."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing_records import Record, Wanted
from components.labels import earlier_comment, owner_comment
from components.options import child
from components.questions import ask
from components.record_conflicts import Conflict, Ownership, conflicts, explain
from components.settings import MailDomainSettings, Settings
from components.stack_state import Held
from components.wanted_records import wanted_records

ALL_RECORDS = 50_000
"""More than any zone may hold, so that the answer is never cut."""

DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"


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
        state: Iterable[Held],
        provider: cloudflare.Provider,
        addresses: Sequence[str] = (),
    ) -> None:
        project, stack = pulumi.get_project(), pulumi.get_stack()
        self._settings = settings
        self._options = pulumi.InvokeOptions(provider=provider)
        self._comment = owner_comment(project, stack, settings.owner)
        own = {held.name: held.outputs for held in state if held.type == DNS_RECORD}
        self._ownership = Ownership(
            owner=settings.owner,
            earlier=earlier_comment(project, stack),
            ids={str(outputs.get("id")) for outputs in own.values()},
            resources=own.keys(),
            adopted=settings.adopted_records,
            addresses=addresses,
        )
        self._zones: dict[tuple[str, str | None], Zone] = {}
        self._by_domain = {domain.name: self._zone_of(domain) for domain in settings.domains}
        self._refuse(wanted_records(settings))

    def make(
        self,
        wanted: Wanted,
        content: pulumi.Input[str],
        parent: pulumi.Resource,
        *,
        name: pulumi.Input[str] | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> cloudflare.DnsRecord:
        """Make a record; `name` is given where it was not known before.

        It is never proxied: Cloudflare's proxy carries web traffic only, and a proxied mail host gets no mail.
        """
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
            opts=child(parent, protect=self._settings.protects("records"), depends_on=list(depends_on)),
        )

    def refuse_beside(self, wanted: Wanted) -> None:
        """Raise pulumi.RunError if something is in the way of a record whose name was not known before."""
        self._refuse([wanted])

    def _refuse(self, wanted: Iterable[Wanted]) -> None:
        found = list(self._conflicts(list(wanted)))
        if found:
            raise pulumi.RunError(explain(found, pulumi.get_stack()))

    def _conflicts(self, wanted: Sequence[Wanted]) -> Iterator[tuple[str, Conflict]]:
        for zone in {zone.id: zone for zone in self._by_domain.values()}.values():
            here = [want for want in wanted if self._by_domain[want.domain].id == zone.id]
            for conflict in conflicts(here, zone.records, zone.name, self._ownership):
                yield zone.id, conflict

    def _zone_of(self, domain: MailDomainSettings) -> Zone:
        key = (domain.zone_name, domain.zone_id)
        if key not in self._zones:
            self._zones[key] = self._read(*key)
        return self._zones[key]

    def _read(self, name: str, zone_id: str | None) -> Zone:
        identifier = zone_id or self._look_up(name)
        same = [zone for zone in self._zones.values() if zone.id == identifier]
        if same:
            return same[0]
        found = ask(
            f"domains: the records of zone {name} cannot be read",
            lambda: cloudflare.get_dns_records(zone_id=identifier, max_items=ALL_RECORDS, opts=self._options),
        )
        return Zone(identifier, name, [Record.of(record) for record in found.results])

    def _look_up(self, name: str) -> str:
        zone = ask(
            f"domains: no zone {name} at Cloudflare that cloudflare:apiToken may read (rights Zone: Read, DNS: Edit)",
            lambda: cloudflare.get_zone(
                filter=cloudflare.GetZoneFilterArgs(name=name, match="all"), opts=self._options
            ),
        )
        return str(zone.zone_id)
