"""The server: addresses that outlive it, a volume for the mail, PTR records, and the firewall that is there first."""

import pulumi
import pulumi_hcloud as hcloud

from components.existing.questions import ask
from components.firewall_rules import firewall_rules
from components.options import as_int, child, renamed
from model.addresses import ipv6_host
from model.cloud_firewall import egress_rules, ssh_rules
from model.cloud_init import user_data
from model.labels import HOST_KEY, REVISION, label_selector
from model.server_types import unfit
from model.settings import Settings
from model.ssh_keys import key_mark
from model.survey import Survey


class MailServer(pulumi.ComponentResource):
    """`poste-mail:index:MailServer` makes an SSH key, a primary IPv4 and IPv6 with a PTR each, the firewall for SSH and
    outbound traffic, a server matched by it, and a volume attached to it.

    The addresses and the volume do not depend on the server, so replacing the server keeps the sender's reputation, the
    mail and the DKIM keys. The names of the resources do not hold the stack's, so a stack can be renamed; those at
    Hetzner, where several stacks share a project, do.
    """

    ipv4: pulumi.Output[str]
    ipv6: pulumi.Output[str]
    machine: hcloud.Server
    """The server itself; what lives on it goes with it."""
    server_id: pulumi.Output[str]
    volume_id: pulumi.Output[str]
    """Known once the volume is attached to the server."""
    volume_device: pulumi.Output[str]
    """Path of the volume's block device on the server; known once it is attached."""

    def __init__(
        self,
        title: str,
        settings: Settings,
        survey: Survey,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`title` is how the stack's resources are called at Hetzner."""
        super().__init__("poste-mail:index:MailServer", "mail-server", {}, renamed(title, opts))
        labels = dict(survey.labels)
        self._survey = survey

        addresses = {
            family: hcloud.PrimaryIp(
                family,
                name=f"{title}-{family}",
                type=family,
                location=settings.location,
                auto_delete=False,
                delete_protection=settings.protects("addresses"),
                labels=labels,
                opts=child(self, once=f"{title}-{family}", protect=settings.protects("addresses")),
            )
            for family in ("ipv4", "ipv6")
        }
        self.ipv4 = addresses["ipv4"].ip_address
        self.ipv6 = addresses["ipv6"].ip_address.apply(ipv6_host)
        for family, address in (("ipv4", self.ipv4), ("ipv6", self.ipv6)):
            # Receivers refuse mail from an address whose PTR does not name the host that greets them.
            hcloud.Rdns(
                family,
                primary_ip_id=as_int(addresses[family].id),
                ip_address=address,
                dns_ptr=settings.mail_host,
                opts=child(self, once=f"{title}-{family}"),
            )

        firewall = hcloud.Firewall(
            "ssh",
            name=f"{title}-ssh",
            apply_tos=[{"label_selector": label_selector(labels)}],
            # The direct ways out for mail close after a relay has proven itself, with the other firewall's change.
            rules=firewall_rules(
                [
                    *ssh_rules(settings.admin_cidrs),
                    *egress_rules([way for way in settings.egress if way not in settings.delivery]),
                ]
            ),
            labels=labels,
            opts=child(self, once=f"{title}-ssh", protect=settings.protects("server")),
        )
        self.machine = hcloud.Server(
            "server",
            name=title,
            server_type=self._fitting_server_type(settings),
            location=settings.location,
            image=self._known_image(settings),
            public_nets=[
                {
                    "ipv4_enabled": True,
                    "ipv4": as_int(addresses["ipv4"].id),
                    "ipv6_enabled": True,
                    "ipv6": as_int(addresses["ipv6"].id),
                }
            ],
            ssh_keys=[self._login_key(title, settings, labels)],
            user_data=pulumi.Output.secret(
                user_data(
                    settings.ssh_host_key.get_secret_value(), settings.ssh_host_public_key, settings.server_revision
                )
            ),
            keep_disk=True,
            shutdown_before_deletion=True,
            delete_protection=settings.protects("server"),
            rebuild_protection=settings.protects("server"),
            labels=labels | {HOST_KEY: key_mark(settings.ssh_host_public_key), REVISION: str(settings.server_revision)},
            opts=child(
                self,
                once=title,
                protect=settings.protects("server"),
                # The label selector must already be there, or the server would boot with no firewall at all.
                depends_on=[firewall],
                # The new server takes over the addresses of the old one, which must be gone by then.
                delete_before_replace=True,
                # A change of one of these would replace the server, yet they matter at its first boot only: what comes
                # later (keys, settings, system updates) comes over SSH. A server that is replaced on purpose gets them.
                ignore_changes=[] if survey.renews_server(settings) else ["userData", "sshKeys", "image"],
            ),
        )
        volume = hcloud.Volume(
            "volume",
            name=title,
            size=settings.volume_size,
            location=settings.location,
            format="ext4",
            delete_protection=settings.protects("volume"),
            labels=labels,
            opts=child(self, once=title, protect=settings.protects("volume")),
        )
        attachment = hcloud.VolumeAttachment(
            "volume",
            server_id=as_int(self.machine.id),
            volume_id=as_int(volume.id),
            automount=False,
            opts=child(
                self,
                once=title,
                delete_before_replace=True,
                # Detached before, it would be taken from under a running Poste. Hetzner shuts the server down, and
                # detaches it then.
                deleted_with=self.machine,
            ),
        )
        self.server_id = self.machine.id
        attached = pulumi.Output.all(volume.id, volume.linux_device, attachment.id)
        self.volume_id = attached.apply(lambda values: str(values[0]))
        self.volume_device = attached.apply(lambda values: str(values[1]))
        self.register_outputs({"ipv4": self.ipv4, "ipv6": self.ipv6, "server_id": self.server_id})

    def _login_key(self, title: str, settings: Settings, labels: dict[str, str]) -> pulumi.Input[str]:
        """The administrator's key, as Hetzner puts it on a new server: theirs if they keep it there already."""
        foreign = self._survey.foreign_key(settings.ssh_public_key)
        if foreign:
            return str(foreign.id)
        return hcloud.SshKey(
            "login",
            name=title,
            public_key=settings.ssh_public_key,
            labels=labels,
            # A name is taken once in a project.
            opts=child(self, once=title, delete_before_replace=True),
        ).id

    def _fitting_server_type(self, settings: Settings) -> str:
        """The type, asked for where a server of it is to be made: what runs, runs, on sale or not."""
        survey, wanted = self._survey, settings.server_type
        runs = survey.server is not None and survey.server.server_type == wanted
        if runs and not survey.renews_server(settings):
            return wanted
        found = ask(
            f"serverType {wanted} (types on sale: hcloud server-type list)",
            lambda: hcloud.get_server_type(name=wanted, opts=pulumi.InvokeOptions(parent=self)),
        )
        reasons = unfit(found, settings)
        if reasons:
            raise pulumi.RunError("\n".join(reasons))
        return wanted

    def _known_image(self, settings: Settings) -> str:
        """The image, asked for where a server is to be made from it."""
        survey, wanted = self._survey, settings.server_image
        if survey.server and not survey.renews_server(settings):
            return wanted
        ask(
            f"serverImage {wanted} (images on offer: hcloud image-list --type system)",
            lambda: hcloud.get_image(name=wanted, with_architecture="x86", opts=pulumi.InvokeOptions(parent=self)),
        )
        return wanted
