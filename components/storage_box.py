"""The Storage Box that backups go to: an account for the operator, who may delete, and one for the server, who adds."""

import pulumi
import pulumi_hcloud as hcloud

from components.options import as_int, child
from model.backup import SERVERS_FOLDER, Backup
from model.labels import stack_labels
from model.settings import Settings

SNAPSHOTS = 10
"""As many as each type of box takes. The server cannot delete them, whatever it does to the files."""
SNAPSHOT_HOUR = 12
"""UTC; half a day after the usual time of the backup."""


class StorageBox(pulumi.ComponentResource):
    """`poste-mail:index:StorageBox` makes a Hetzner Storage Box with daily snapshots, and an account in it for the
    server.

    It is protected, and kept when the stack is destroyed: whoever loses all else has it still. Only servers at Hetzner
    reach it; the operator does through the mail server.
    """

    owner: pulumi.Output[str]
    """The operator's account."""
    owner_host: pulumi.Output[str]
    user: pulumi.Output[str]
    """The server's account."""
    user_host: pulumi.Output[str]

    def __init__(
        self, title: str, settings: Settings, backup: Backup, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`title` is how the stack's resources are called at Hetzner."""
        super().__init__("poste-mail:index:StorageBox", "storage-box", {}, opts)
        if backup.storage_box is None or settings.storage_box_password is None:
            raise ValueError("a Storage Box needs its type and its password")
        password = pulumi.Output.secret(settings.storage_box_password.get_secret_value())
        labels = stack_labels(pulumi.get_project(), pulumi.get_stack())
        protected = settings.protects("backup")
        box = hcloud.StorageBox(
            "backup",
            name=title,
            storage_box_type=backup.storage_box,
            location=backup.location,
            password=password,
            ssh_keys=[settings.backup_public_key],
            access_settings={"ssh_enabled": True, "reachable_externally": False},
            snapshot_plan={"max_snapshots": SNAPSHOTS, "hour": SNAPSHOT_HOUR, "minute": 0},
            delete_protection=protected,
            labels=labels,
            opts=child(
                self,
                once=title,
                protect=protected,
                retain_on_delete=True,
                # Hetzner takes keys when a box is made, and never again: the provider would replace the box, with all
                # backups in it.
                ignore_changes=["sshKeys"],
            ),
        )
        account = hcloud.StorageBoxSubaccount(
            "server",
            storage_box_id=as_int(box.id),
            name="server",
            home_directory=SERVERS_FOLDER,
            password=password,
            access_settings={"ssh_enabled": True, "reachable_externally": False},
            description="The mail server, which adds backups and cannot delete any",
            labels=labels,
            opts=child(self, protect=protected, retain_on_delete=True),
        )
        self.owner, self.owner_host = box.username, box.server
        self.user, self.user_host = account.username, account.server
        self.register_outputs({"owner": self.owner, "user": self.user})
