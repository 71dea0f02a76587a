"""The records that make a domain a mail domain: MX, SPF, DKIM and DMARC."""

import pulumi

from components.dkim_key import DkimKey
from components.dns_zone import DnsZone, RecordSpec
from components.mail_server import MailServer
from components.records import dmarc, dmarc_name, spf, txt
from components.settings import MailDomainSettings, Settings


class MailDomain(pulumi.ComponentResource):
    """`poste-mail:index:MailDomain` makes the MX, SPF, DKIM and DMARC records of a domain.

    MX (RFC 5321) says where its mail goes, SPF (RFC 7208) which addresses send for it, DKIM (RFC 6376) which key signs
    it, and DMARC (RFC 7489) what to do with mail that fails.
    """

    def __init__(
        self,
        domain: MailDomainSettings,
        settings: Settings,
        server: MailServer,
        key: DkimKey,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:MailDomain", domain.name, {}, opts)
        name = domain.name
        senders = pulumi.Output.all(server.ipv4, server.ipv6).apply(
            lambda addresses: txt(spf(addresses[0], addresses[1], domain.spf))
        )
        reports = (settings.admin_address,)
        policy = dmarc(
            domain.dmarc.policy,
            reports if domain.dmarc.rua is None else domain.dmarc.rua,
            reports if domain.dmarc.ruf is None else domain.dmarc.ruf,
            domain.dmarc.tags(),
        )
        zone = DnsZone(domain, settings, parent=self)
        zone.make(
            [
                RecordSpec(f"{name}-mx", name, "MX", settings.mail_host, priority=domain.mx_priority),
                RecordSpec(f"{name}-spf", name, "TXT", senders, marker="v=spf1"),
                RecordSpec(f"{name}-dmarc", dmarc_name(name), "TXT", txt(policy), marker="v=dmarc1"),
            ]
        )
        # On its own, because its name is not known before Poste has made the key, and what is known is checked already.
        zone.make([RecordSpec(f"{name}-dkim", key.record_name, "TXT", key.record_text.apply(txt), marker="v=dkim1")])
        self.register_outputs({})
