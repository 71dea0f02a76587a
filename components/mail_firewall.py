"""The firewall that opens the mail server to the world, last of all."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_hcloud as hcloud

from components.firewall_rules import firewall_rules
from components.options import child, renamed
from components.poste import Poste
from model.cloud_firewall import egress_rules, mail_rules
from model.labels import POSTE, label_selector, version_label
from model.settings import Settings


class MailFirewall(pulumi.ComponentResource):
    """`poste-mail:index:MailFirewall` opens the rows of the port table on the server, and the ways out by which mail
    leaves.

    It comes after the installer: until that is closed, anyone who reaches the web ports can claim the server. And it
    comes after a relay: until that is in use, mail needs the ways out that it had. Where there is none any more, it
    comes before its route is given up.
    """

    firewall: hcloud.Firewall
    """Done when mail gets in."""

    def __init__(
        self,
        title: str,
        settings: Settings,
        labels: Mapping[str, str],
        poste: Poste,
        relay: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`title` is how the firewall is called at Hetzner, `relay` what has mail leave through one, if that is set."""
        super().__init__("poste-mail:index:MailFirewall", "mail-firewall", {}, renamed(title, opts))
        self.firewall = hcloud.Firewall(
            "mail",
            name=title,
            apply_tos=[{"label_selector": label_selector(labels)}],
            rules=firewall_rules(
                [*mail_rules(settings.ports, settings.reverse_proxy_cidrs), *egress_rules(settings.delivery)]
            ),
            # Once it is up, that version has brought the databases on the volume to its form.
            labels={**labels, POSTE: version_label(settings.poste_image)},
            opts=child(self, once=title, depends_on=[poste.installed, *relay], protect=settings.protects("server")),
        )
        self.register_outputs({})
