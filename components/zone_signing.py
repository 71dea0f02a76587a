"""DNSSEC for the zones that the settings name (RFC 9364)."""

from collections.abc import Sequence

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.zones import Zones
from components.options import child
from model.settings import Settings
from model.zone_signing import ACTIVE


class ZoneSigning(pulumi.ComponentResource):
    """`poste-mail:index:ZoneSigning` has Cloudflare sign zones. The DS record that makes others trust the signatures is
    given to the registrar by hand, and is what `delegations` tells, by zone.

    While the parent has that record, a zone without signatures is wrong for everybody who validates: so it stays
    protected then, whatever else is not. It comes last, so that it is the first that a destroy meets, and stops at.
    """

    delegations: dict[str, pulumi.Output[str]]
    """The DS record of each zone (RFC 4034, section 5)."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        zones: Zones,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is everything else."""
        super().__init__("poste-mail:index:ZoneSigning", name, {}, opts)
        self.delegations = {}
        for zone in zones.signed:
            if not zone.wanted:
                continue
            resource = cloudflare.ZoneDnssec(
                zone.name,
                zone_id=zone.id,
                status=ACTIVE,
                # Not ignored, though Cloudflare says `pending` until the registrar has done its part: with that word,
                # as a refresh finds it, the provider would take the resource for wrong.
                opts=child(self, depends_on=list(after), protect=settings.protects("records") or zone.status == ACTIVE),
            )
            self.delegations[zone.name] = resource.ds
        self.register_outputs({})
