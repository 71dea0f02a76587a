"""The records of the mail host: its addresses, and who sends as it."""

import pulumi

from components.existing.zones import Zones
from components.mail_server import MailServer
from model.settings import Settings
from model.wanted_records import host_records


class MailHostRecords(pulumi.ComponentResource):
    """`poste-mail:index:MailHostRecords` makes the A record of a mail host and, where Poste serves IPv6, the AAAA, and
    its SPF policy; of a former one also the null MX (RFC 7505).
    """

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
            if wanted.kind == "address":
                zones.make(wanted, server.ipv4 if wanted.type == "A" else server.ipv6, self)
            else:
                zones.make_known(wanted, self)
        self.register_outputs({})
