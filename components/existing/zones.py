"""The zones at Cloudflare: found and read once a run, before anything is registered, and then filled with records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.questions import ask
from components.existing.workers import served_hosts
from components.options import child
from model.dkim_rotation import Rotation
from model.existing_records import Record, Wanted
from model.labels import earlier_comment, owner_comment
from model.lasting_records import is_lasting
from model.left_overs import left_overs
from model.record_conflicts import Conflict, Ownership, conflicts, explain
from model.records import txt
from model.settings import MailDomainSettings, Settings
from model.stack_state import Held, mail_host
from model.values import is_within
from model.vanishing_records import made_records, twice, vanishing
from model.wanted_records import wanted_records
from model.web_hosts import web_hosts, worker_name
from model.zone_signing import ACTIVE, refusals, signed

ALL_RECORDS = 50_000
"""More than any zone may hold, so that the answer is never cut."""


@dataclass(frozen=True)
class Zone:
    """A zone as it stands before the deploy."""

    id: str
    name: str
    account: str
    """The identifier of the account that has it."""
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
        self.worker = worker_name(project, settings, state)
        """What the Worker is called that serves hosts of these zones."""
        made = made_records(state)
        self._read: dict[str, Zone] = {}
        self._by_domain = {domain.name: self._zone_of(domain) for domain in settings.domains}
        self._ownership = Ownership(
            owner=settings.owner,
            earlier=earlier_comment(project, stack),
            ids={record.id for record in made},
            resources={record.resource for record in made},
            adopted=settings.adopted_records,
            addresses=addresses,
            served=self._served(provider),
        )
        known = {zone.name: zone.id for zone in self._read.values()}
        self.signed = signed(settings.dnssec, known, state, self._ask_signing)
        """The zones that are signed, or shall be."""
        validated = {zone.name for zone in self.signed if zone.status == ACTIVE}
        self.validated = {domain for domain, zone in self._by_domain.items() if zone.name in validated}
        """The domains whose zone resolvers can validate."""
        wanted = list(wanted_records(settings, rotations, self.validated))
        zone_ids = {want.resource: self._by_domain[want.domain].id for want in wanted}
        refused = [
            *refusals(self.signed, settings, stack),
            *twice(made, stack),
            *vanishing(made, zone_ids, settings, mail_host(state), stack),
            *self._in_the_way(wanted),
        ]
        if refused:
            raise pulumi.RunError("\n".join([*refused, "Nothing was changed."]))
        if pulumi.runtime.is_dry_run():
            self._warn(addresses or [record.content for record in made])

    def of(self, domain: str) -> Zone:
        """The zone that holds a domain of the settings."""
        return self._by_domain[domain]

    def make(
        self,
        wanted: Wanted,
        content: pulumi.Input[str] | None,
        parent: pulumi.Resource,
        *,
        data: cloudflare.DnsRecordDataArgs | None = None,
        name: pulumi.Input[str] | None = None,
        may_go: bool = False,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> cloudflare.DnsRecord:
        """Make a record, of a text (`content`) or of fields (`data`); `name` is given where it was not known before,
        `may_go` where no mail hangs on it any more.

        It is never proxied: Cloudflare's proxy carries web traffic only, and a proxied mail host gets no mail.
        """
        may_go = may_go or not is_lasting(wanted.resource, wanted.type, wanted.name, wanted.content)
        protect = self._settings.protects("records") and not may_go
        (domain,) = (domain for domain in self._settings.domains if domain.name == wanted.domain)
        return cloudflare.DnsRecord(
            wanted.resource,
            zone_id=self._by_domain[wanted.domain].id,
            name=name or wanted.name,
            type=wanted.type,
            content=content,
            data=data,
            priority=wanted.priority,
            ttl=domain.ttl,
            proxied=False,
            comment=self._comment,
            # Without its records a domain gets no mail, and what others then bounce is lost.
            opts=child(parent, protect=protect, depends_on=list(depends_on)),
        )

    def make_known(
        self, wanted: Wanted, parent: pulumi.Resource, *, depends_on: Sequence[pulumi.Resource] = ()
    ) -> cloudflare.DnsRecord:
        """Make a record of which the settings say all."""
        content = wanted.content or ""
        if wanted.data is not None:
            data = cloudflare.DnsRecordDataArgs(**wanted.data)  # type: ignore[arg-type]  # each has its own type
            return self.make(wanted, None, parent, data=data, depends_on=depends_on)
        return self.make(wanted, txt(content) if wanted.type == "TXT" else content, parent, depends_on=depends_on)

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
            if record.id not in self._ownership.ids
            and not self._ownership.marks(record)
            and record.name not in self._ownership.served
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
        held = [Record.of(record) for record in records.results]
        return Zone(str(found.zone_id), str(found.name), str(found.account.id), held)

    def _served(self, provider: cloudflare.Provider) -> set[str]:
        hosts = {
            host: self._by_domain[domain.name].account
            for domain in self._settings.domains
            for host in web_hosts(domain, self._settings)
        }
        return served_hosts(hosts, sorted(set(hosts.values())), self.worker, provider)

    def _ask_signing(self, zone_id: str) -> str:
        """How far a zone is with DNSSEC: disabled, pending (no DS at the parent yet) or active."""
        answer = ask(
            "dnssec: whether the zone is signed cannot be read (rights DNS: Edit)",
            lambda: cloudflare.get_zone_dnssec(zone_id=zone_id, opts=self._options),
        )
        return str(answer.status)
