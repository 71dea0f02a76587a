"""The firewall that opens the mail server to the world, last of all."""

from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud

from components.firewall import mail_rules
from components.options import child, renamed
from components.poste import Poste
from components.survey import POSTE
from model.labels import label_selector
from model.settings import Settings
from model.values import IMAGE


class MailFirewall(pulumi.ComponentResource):
    """`poste-mail:index:MailFirewall` opens the rows of the port table on the server.

    It comes after the installer: until that is closed, anyone who reaches the web ports can claim the server.
    """

    firewall: hcloud.Firewall
    """Done when mail gets in."""

    def __init__(
        self,
        title: str,
        settings: Settings,
        labels: Mapping[str, str],
        poste: Poste,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`title` is how the firewall is called at Hetzner."""
        super().__init__("poste-mail:index:MailFirewall", "mail-firewall", {}, renamed(title, opts))
        self.firewall = hcloud.Firewall(
            "mail",
            name=title,
            apply_tos=[{"label_selector": label_selector(labels)}],
            rules=mail_rules(settings.ports, settings.reverse_proxy_cidrs),
            # Once it is up, that version has brought the databases on the volume to its form.
            labels={**labels, POSTE: version_label(settings.poste_image)},
            opts=child(self, once=title, depends_on=[poste.installed], protect=settings.protects("server")),
        )
        self.register_outputs({})


def version_label(image: str) -> str:
    """The image's tag, as far as it fits a label (63 characters, letters or digits at both ends)."""
    match = IMAGE.fullmatch(image)
    return (match["tag"] or "" if match else "")[:63].strip("_.-")
