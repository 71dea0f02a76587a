"""The address records of the mail host."""

import pulumi

from components.dns_zone import DnsZone, RecordSpec
from components.mail_server import MailServer
from components.settings import Settings


class MailHostRecords(pulumi.ComponentResource):
    """`poste-mail:index:MailHostRecords` makes the A record of the mail host and, where Poste serves IPv6, the AAAA."""

    def __init__(
        self, name: str, settings: Settings, server: MailServer, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("poste-mail:index:MailHostRecords", name, {}, opts)
        records = [RecordSpec(f"{name}-a", settings.mail_host, "A", server.ipv4)]
        if settings.serves_ipv6:
            records.append(RecordSpec(f"{name}-aaaa", settings.mail_host, "AAAA", server.ipv6))
        DnsZone(settings.mail_host_domain, settings, parent=self).make(records)
        self.register_outputs({})
