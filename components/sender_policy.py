"""What senders to a domain are told about encryption: the record that announces its MTA-STS policy (RFC 8461)."""

import pulumi

from components.existing.zones import Zones
from components.policy_worker import PolicyWorker
from model.mta_sts import COMPONENT, LABEL, Told
from model.settings import MailDomainSettings, Settings
from model.wanted_records import domain_records


class SenderPolicy(pulumi.ComponentResource):
    """`poste-mail:index:SenderPolicy` announces the policy of a domain when it can be fetched, and keeps in the state
    what senders were told: as long as they may enforce it, it must not just go away.
    """

    def __init__(
        self,
        domain: MailDomainSettings,
        told: Told,
        settings: Settings,
        zones: Zones,
        worker: PolicyWorker,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(COMPONENT, domain.name, {}, opts)
        for wanted in domain_records(domain, settings):
            if wanted.kind == "MTA-STS":
                zones.make_known(wanted, self, depends_on=[worker.serving[f"{LABEL}.{domain.name}"]])
        self.register_outputs(told.outputs)
