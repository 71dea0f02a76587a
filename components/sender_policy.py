"""What senders to a domain are told about encryption: the record that announces its MTA-STS policy (RFC 8461)."""

from collections.abc import Sequence

import pulumi

from components.existing.zones import Zones
from components.policy_worker import PolicyWorker
from model.mta_sts import COMPONENT, LABEL, Told
from model.settings import MailDomainSettings, Settings
from model.wanted_records import domain_records


class SenderPolicy(pulumi.ComponentResource):
    """`poste-mail:index:SenderPolicy` announces the policy of a domain when it can be fetched, and one that is enforced
    when the mail host's certificate can be trusted. It keeps in the state what senders were told: as long as they may
    enforce it, it must not just go away.
    """

    def __init__(
        self,
        domain: MailDomainSettings,
        told: Told,
        settings: Settings,
        zones: Zones,
        worker: PolicyWorker,
        trusted: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`trusted` is done when the mail host serves a certificate that senders trust."""
        super().__init__(COMPONENT, domain.name, {}, opts)
        ready = [worker.serving[f"{LABEL}.{domain.name}"], *(trusted if told.mode == "enforce" else ())]
        for wanted in domain_records(domain, settings):
            if wanted.kind == "MTA-STS":
                zones.make_known(wanted, self, depends_on=ready)
        self.register_outputs(told.outputs)
