"""The server made ready for Poste: booted, the volume mounted, the host firewall loaded."""

import pulumi
from pulumi_command import remote

from components.connection import SCRIPT_FOLDER, SCRIPTS, USER, answer, connection, script_command
from components.host_firewall import ruleset
from components.mail_server import MailServer
from components.options import child
from components.settings import Settings

DATA = "/mnt/poste"
"""Where the volume is mounted on the server."""

FIRST_BOOT = pulumi.CustomTimeouts(create="15m", update="15m")
"""A first boot installs Docker from Debian's mirror, which takes minutes on a bad day."""


class Host(pulumi.ComponentResource):
    """`poste-mail:index:Host` waits until the server has booted and Docker answers, copies the scripts of remote/ to it,
    mounts the volume and loads the host firewall.
    """

    docker_host: pulumi.Output[str]
    """Address of the server's Docker engine; unknown until it answers, so that nothing dials it before."""
    data_folder: pulumi.Output[str]
    """Where the volume is mounted; unknown until it is."""
    scripts: list[pulumi.Resource]
    """The copies of the scripts, for those who run one to depend on."""

    def __init__(
        self, name: str, settings: Settings, server: MailServer, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("poste-mail:index:Host", name, {}, opts)
        # A new server starts from nothing: all that was done on the old one is done again.
        new_server = [server.server_id]

        gate = "python3 -"
        ready = remote.Command(
            f"{name}-ready",
            connection=connection(settings, server.ipv4, patient=True),
            create=gate,
            update=gate,
            stdin=(SCRIPTS / "ready.py").read_text(),
            triggers=new_server,
            opts=child(self, custom_timeouts=FIRST_BOOT),
        )
        self.docker_host = pulumi.Output.all(server.ipv4, ready.stdout).apply(lambda values: f"ssh://{USER}@{values[0]}:22")

        ssh = connection(settings, server.ipv4)
        self.scripts = [
            remote.CopyToRemote(
                f"{name}-{script.stem.replace('_', '-')}",
                connection=ssh,
                source=pulumi.FileAsset(str(script.relative_to(SCRIPTS.parent))),
                remote_path=f"{SCRIPT_FOLDER}/{script.name}",
                triggers=new_server,
                opts=child(self, depends_on=[ready]),
            )
            for script in sorted(SCRIPTS.glob("*.py"))
            if script.name != "ready.py"
        ]
        mount = script_command("volume.py")
        volume = remote.Command(
            f"{name}-volume",
            connection=ssh,
            create=mount,
            update=mount,
            stdin=pulumi.Output.json_dumps({"device": server.volume_device, "folder": DATA}),
            triggers=new_server,
            opts=child(self, depends_on=self.scripts),
        )
        self.data_folder = answer(volume).apply(lambda mounted: str(mounted["folder"]))
        load = script_command("firewall.py")
        remote.Command(
            f"{name}-firewall",
            connection=ssh,
            create=load,
            update=load,
            stdin=ruleset(settings.ports, settings.admin_cidrs, settings.reverse_proxy_cidrs),
            triggers=new_server,
            opts=child(self, depends_on=self.scripts),
        )
        self.register_outputs({"docker_host": self.docker_host, "data_folder": self.data_folder})
