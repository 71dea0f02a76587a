"""A zone at Cloudflare: found by name, and watched for records that are in the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing_records import Record, Wanted, explain, in_the_way
from components.labels import owner_comment
from components.options import child
from components.questions import ask
from components.settings import MailDomainSettings, Settings

ALL_RECORDS = 50_000
"""More than any zone may hold, so that the answer is never cut."""


@dataclass(frozen=True)
class RecordSpec:
    """A record to make: the resource's name, and name, type and content of the record."""

    resource: str
    name: pulumi.Input[str]
    type: str
    content: pulumi.Input[str]
    marker: str = ""
    """For TXT: how the text begins, in lower case, which tells it from texts that may stand beside it."""
    priority: int | None = None


class DnsZone:
    """The zone that holds a domain's records. `parent` is the component that makes records in it."""

    def __init__(self, domain: MailDomainSettings, settings: Settings, parent: pulumi.Resource) -> None:
        self._parent = parent
        self._ttl = domain.ttl
        self._adopted = settings.adopted_records
        self._protect = settings.protect
        self._owner = owner_comment(pulumi.get_project(), pulumi.get_stack())
        self._id = domain.zone_id or self._look_up(domain.zone_name)
        self._existing = cloudflare.get_dns_records_output(
            zone_id=self._id, max_items=ALL_RECORDS, opts=pulumi.InvokeOutputOptions(parent=parent)
        ).results

    def make(self, specs: Sequence[RecordSpec]) -> None:
        """Make records, unless something foreign is in the way of one of them: then none is made, nor previewed.

        They are never proxied: Cloudflare's proxy carries web traffic only, and a proxied mail host gets no mail.
        """
        zone_id = self._cleared(specs)
        for spec in specs:
            cloudflare.DnsRecord(
                spec.resource,
                zone_id=zone_id,
                name=spec.name,
                type=spec.type,
                content=spec.content,
                priority=spec.priority,
                ttl=self._ttl,
                proxied=False,
                comment=self._owner,
                # Without its records a domain gets no mail, and what others then bounce is lost.
                opts=child(self._parent, protect=self._protect),
            )

    def _look_up(self, name: str) -> str:
        zone = ask(
            f"domains: no zone {name} at Cloudflare that cloudflare:apiToken may read (rights Zone: Read, DNS: Edit)",
            lambda: cloudflare.get_zone(
                filter=cloudflare.GetZoneFilterArgs(name=name, match="all"),
                opts=pulumi.InvokeOptions(parent=self._parent),
            ),
        )
        return str(zone.zone_id)

    def _cleared(self, specs: Sequence[RecordSpec]) -> pulumi.Output[str]:
        """The zone's identifier, which is had only where nothing is in the way."""

        def check(values: Sequence[Any]) -> str:
            zone_id, existing, *names = values
            wanted = [
                Wanted(spec.resource, name, spec.type, spec.marker) for spec, name in zip(specs, names, strict=True)
            ]
            conflicts = list(in_the_way(wanted, map(_record, existing), self._owner, self._adopted))
            if conflicts:
                raise pulumi.RunError(explain(zone_id, conflicts, len(self._adopted), pulumi.get_stack()))
            return str(zone_id)

        return pulumi.Output.all(self._id, self._existing, *(spec.name for spec in specs)).apply(check)


def _record(found: Any) -> Record:
    return Record(
        id=found["id"],
        name=found["name"],
        type=found["type"],
        content=found["content"] or "",
        comment=found["comment"] or "",
    )
