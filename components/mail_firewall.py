"""The firewall that opens the mail server to the world, last of all."""

import pulumi
import pulumi_hcloud as hcloud

from components.firewall import mail_rules
from components.labels import label_selector
from components.options import child
from components.poste import Poste
from components.settings import Settings


class MailFirewall(pulumi.ComponentResource):
    """`poste-mail:index:MailFirewall` opens the rows of the port table on the server.

    It comes after the installer: until that is closed, anyone who reaches the web ports can claim the server.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        labels: dict[str, str],
        poste: Poste,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:MailFirewall", name, {}, opts)
        hcloud.Firewall(
            name,
            name=name,
            apply_tos=[{"label_selector": label_selector(labels)}],
            rules=mail_rules(settings.ports, settings.reverse_proxy_cidrs),
            labels=labels,
            opts=child(self, depends_on=[poste.installed], protect=settings.protect),
        )
        self.register_outputs({})
