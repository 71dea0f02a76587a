"""The address records of the mail host."""

import pulumi

from components.existing.zones import Zones
from components.mail_server import MailServer
from model.settings import Settings
from model.wanted_records import host_records


class MailHostRecords(pulumi.ComponentResource):
    """`poste-mail:index:MailHostRecords` makes the A record of a mail host and, where Poste serves IPv6, the AAAA."""

    def __init__(
        self,
        host: str,
        settings: Settings,
        server: MailServer,
        zones: Zones,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:MailHostRecords", host, {}, opts)
        for wanted in host_records(host, settings):
            zones.make(wanted, server.ipv4 if wanted.type == "A" else server.ipv6, self)
        self.register_outputs({})
