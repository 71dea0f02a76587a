"""The backup: how the server reaches it, what is brought back from it onto an empty volume, and the nightly run."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_command import remote

from components.connection import to_storage_box
from components.host import Host
from components.mail_server import MailServer
from components.options import child
from components.remote_scripts import Undoing, answer, secret_json, within
from components.storage_box import StorageBox
from model.backup import BOX_PORT, MAKE_ONE, NO_BACKUP, REPOSITORY_IN_BOX, SERVERS_ADDRESS, SERVERS_FOLDER, Backup
from model.poste_container import CONTAINER
from model.server_folders import BACKED_UP, DATA
from model.settings import Settings

REACHED = "2m"
"""Within which the box takes the server's key. It is dialled until then: a new one takes its time."""


class BackupStore(pulumi.ComponentResource):
    """`poste-mail:index:BackupStore` lets the server add to the backup and delete nothing, and brings the newest one
    back where the volume is empty, before Poste starts on it.

    So a stack that lost its volume gets its mail back by being deployed, and its DKIM keys with it. Where the backup
    cannot be reached, nothing is installed in its place.
    """

    reached: pulumi.Output[dict[str, str]]
    """What the operator needs to know: the account in the Storage Box; else the server's own key, which a store that is
    reached by SSH must know."""
    filled: pulumi.Resource
    """Done when the volume holds what it is to hold before Poste starts."""

    def __init__(
        self,
        title: str,
        settings: Settings,
        backup: Backup,
        server: MailServer,
        host: Host,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:BackupStore", "backup-store", {}, opts)
        box = StorageBox(title, settings, backup, child(self)) if backup.storage_box else None
        access = host.scripts.run(
            "backup-access",
            "backup_access.py",
            secret_json(
                repository=SERVERS_ADDRESS if box else backup.repository,
                ssh=_target(backup, box),
                passphrase=settings.backup_passphrase.get_secret_value() if settings.backup_passphrase else "",
                environment={name: value.get_secret_value() for name, value in settings.backup_environment.items()},
            ),
            self,
            again_with={"server": server.server_id},
        )
        key = answer(access).apply(lambda found: str(found["public_key"]))
        allowed: pulumi.Resource = access
        self.reached = key.apply(lambda line: {"serversKey": line})
        if box:
            allowed = _allow(
                to_storage_box(settings, backup, server.ipv4, box.owner, box.owner_host), key, access, self
            )
            self.reached = pulumi.Output.all(box.owner, box.owner_host).apply(
                lambda account: {"user": str(account[0]), "host": str(account[1])}
            )
        self.filled = host.scripts.run(
            "backup-fill",
            "fill.py",
            pulumi.Output.json_dumps({"data": DATA, "container": CONTAINER}),
            self,
            again_with={"volume": server.volume_id},
            depends_on=[allowed],
            deadline="12h",
        )
        self.register_outputs({"reached": self.reached})


def _allow(
    to_box: remote.ConnectionArgs, key: pulumi.Output[str], access: pulumi.Resource, parent: pulumi.Resource
) -> pulumi.Resource:
    """Have the box take the server's key, for adding to the one repository alone."""
    folder = remote.Command(
        "backup-folder",
        connection=to_box,
        create=f"mkdir -p {SERVERS_FOLDER}/.ssh",
        add_previous_output_in_env=False,
        opts=child(parent, depends_on=[access], custom_timeouts=within(REACHED)),
    )
    keys = f"dd of={SERVERS_FOLDER}/.ssh/authorized_keys"
    return remote.Command(
        "backup-key",
        connection=to_box,
        create=keys,
        update=keys,
        stdin=key.apply(authorized),
        add_previous_output_in_env=False,
        opts=child(parent, depends_on=[folder], custom_timeouts=within(REACHED)),
    )


class NightlyBackup(pulumi.ComponentResource):
    """`poste-mail:index:NightlyBackup` has a timer on the server back all of it up every night.

    It comes when mail works. What came of each run is noted on the server, where `./run mail verify` reads it.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        backup: Backup,
        server: MailServer,
        host: Host,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is all that works without a backup."""
        super().__init__("poste-mail:index:NightlyBackup", name, {}, opts)
        host.scripts.run(
            name,
            "backup.py",
            json.dumps(
                {
                    "data": DATA,
                    "folders": BACKED_UP,
                    "container": CONTAINER,
                    "at": backup.at,
                    "host": settings.mail_host,
                }
            ),
            self,
            # A new server has no timer yet, and another volume another status.
            again_with={"server": server.server_id, "volume": server.volume_id},
            undone_with=Undoing("stop", before_losing=server.volume_id, goes_with=server.machine),
            depends_on=after,
            deadline="15m",
        )
        self.register_outputs({})


def tell_no_backup(settings: Settings) -> None:
    """Warn where all mail is on one volume."""
    if settings.protect and settings.backup is None:
        pulumi.log.warn(f"{NO_BACKUP}. {MAKE_ONE} (docs/recovery.md).")


def authorized(public_key: str) -> str:
    """The line of authorized_keys that lets a key add to the repository and delete nothing but its own locks."""
    command = f"rclone serve restic --stdio --append-only --config=/dev/null ./{REPOSITORY_IN_BOX}"
    return f'restrict,command="{command}" {public_key}\n'


def _target(backup: Backup, box: StorageBox | None) -> dict[str, pulumi.Input[str | int]] | None:
    """How the server reaches the store by SSH, if it does."""
    key = backup.known_host_key or ""
    if box:
        return {"host": box.user_host, "port": BOX_PORT, "user": box.user, "host_key": key}
    if backup.ssh:
        return {"host": backup.ssh.host, "port": backup.ssh.port, "user": backup.ssh.user, "host_key": key}
    return None
