"""The server: addresses that outlive it, a volume for the mail, PTR records, and the firewall that is there first."""

import pulumi
import pulumi_hcloud as hcloud

from components.addresses import ipv6_host
from components.cloud_init import user_data
from components.firewall import egress_rules, ssh_rules
from components.labels import label_selector
from components.options import as_int, child
from components.questions import ask
from components.server_types import unfit
from components.settings import Settings


class MailServer(pulumi.ComponentResource):
    """`poste-mail:index:MailServer` makes an SSH key, a primary IPv4 and IPv6 with a PTR each, the firewall for SSH and
    outbound traffic, a server matched by it, and a volume attached to it.

    The addresses and the volume do not depend on the server, so replacing the server keeps the sender's reputation, the
    mail and the DKIM keys.
    """

    ipv4: pulumi.Output[str]
    ipv6: pulumi.Output[str]
    machine: hcloud.Server
    """The server itself; what lives on it goes with it."""
    server_id: pulumi.Output[str]
    volume_device: pulumi.Output[str]
    """Path of the volume's block device on the server; known once it is attached."""

    def __init__(
        self, name: str, settings: Settings, labels: dict[str, str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("poste-mail:index:MailServer", name, {}, opts)
        lasting = child(self, protect=settings.protect)

        key = hcloud.SshKey(name, name=name, public_key=settings.ssh_public_key, labels=labels, opts=child(self))
        addresses = {
            family: hcloud.PrimaryIp(
                f"{name}-{family}",
                name=f"{name}-{family}",
                type=family,
                location=settings.location,
                auto_delete=False,
                delete_protection=settings.protect,
                labels=labels,
                opts=lasting,
            )
            for family in ("ipv4", "ipv6")
        }
        self.ipv4 = addresses["ipv4"].ip_address
        self.ipv6 = addresses["ipv6"].ip_address.apply(ipv6_host)
        for family, address in (("ipv4", self.ipv4), ("ipv6", self.ipv6)):
            # Receivers refuse mail from an address whose PTR does not name the host that greets them.
            hcloud.Rdns(
                f"{name}-{family}",
                primary_ip_id=as_int(addresses[family].id),
                ip_address=address,
                dns_ptr=settings.mail_host,
                opts=child(self),
            )

        firewall = hcloud.Firewall(
            f"{name}-ssh",
            name=f"{name}-ssh",
            apply_tos=[{"label_selector": label_selector(labels)}],
            rules=[*ssh_rules(settings.admin_cidrs), *egress_rules(settings.egress)],
            labels=labels,
            opts=lasting,
        )
        self.machine = hcloud.Server(
            name,
            name=name,
            server_type=self._fitting_server_type(settings),
            location=settings.location,
            image=settings.server_image,
            public_nets=[
                {
                    "ipv4_enabled": True,
                    "ipv4": as_int(addresses["ipv4"].id),
                    "ipv6_enabled": True,
                    "ipv6": as_int(addresses["ipv6"].id),
                }
            ],
            ssh_keys=[key.id],
            user_data=pulumi.Output.secret(
                user_data(settings.ssh_host_key.get_secret_value(), settings.ssh_host_public_key)
            ),
            keep_disk=True,
            shutdown_before_deletion=True,
            delete_protection=settings.protect,
            rebuild_protection=settings.protect,
            labels=labels,
            opts=child(
                self,
                protect=settings.protect,
                # The label selector must already be there, or the server would boot with no firewall at all.
                depends_on=[firewall],
                # The new server takes over the addresses of the old one, which must be gone by then.
                delete_before_replace=True,
                # A change of one of these would replace the server, yet they matter at its first boot only: what comes
                # later (keys, settings, system updates) comes over SSH.
                ignore_changes=["userData", "sshKeys", "image"],
            ),
        )
        volume = hcloud.Volume(
            name,
            name=name,
            size=settings.volume_size,
            location=settings.location,
            format="ext4",
            delete_protection=settings.protect,
            labels=labels,
            opts=lasting,
        )
        attachment = hcloud.VolumeAttachment(
            name,
            server_id=as_int(self.machine.id),
            volume_id=as_int(volume.id),
            automount=False,
            opts=child(self, delete_before_replace=True),
        )
        self.server_id = self.machine.id
        self.volume_device = pulumi.Output.all(volume.linux_device, attachment.id).apply(lambda values: str(values[0]))
        self.register_outputs({"ipv4": self.ipv4, "ipv6": self.ipv6, "server_id": self.server_id})

    def _fitting_server_type(self, settings: Settings) -> str:
        found = ask(
            f"serverType {settings.server_type} (types on sale: hcloud server-type list)",
            lambda: hcloud.get_server_type(name=settings.server_type, opts=pulumi.InvokeOptions(parent=self)),
        )
        reasons = unfit(found, settings)
        if reasons:
            raise pulumi.RunError("\n".join(reasons))
        return settings.server_type
