"""The server made ready for Poste: booted, the volume mounted, the host firewall loaded."""

import pulumi
from pulumi_command import remote

from components.connection import USER, connection
from components.host_firewall import ruleset
from components.mail_server import MailServer
from components.options import child
from components.remote_scripts import FIRST, SOURCE, RemoteScripts, answer
from components.settings import Settings

DATA = "/mnt/poste"
"""Where the volume is mounted on the server."""

FIRST_BOOT = "15m"
"""A first boot installs Docker from Debian's mirror, which takes minutes on a bad day."""


class Host(pulumi.ComponentResource):
    """`poste-mail:index:Host` waits until the server has booted and Docker answers, copies the scripts of remote/,
    mounts the volume and loads the host firewall.
    """

    docker_host: pulumi.Output[str]
    """Address of the server's Docker engine; unknown until it answers, so that nothing dials it before."""
    data_folder: pulumi.Output[str]
    """A folder on the mounted volume; unknown until it is mounted."""
    scripts: RemoteScripts

    def __init__(
        self, name: str, settings: Settings, server: MailServer, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("poste-mail:index:Host", name, {}, opts)
        gate = "python3 -"
        ready = remote.Command(
            f"{name}-ready",
            connection=connection(settings, server.ipv4, patient=True),
            create=gate,
            update=gate,
            stdin=(SOURCE / FIRST).read_text(),
            add_previous_output_in_env=False,
            triggers=[server.server_id],
            opts=child(self, custom_timeouts=pulumi.CustomTimeouts(create=FIRST_BOOT, update=FIRST_BOOT)),
        )
        self.docker_host = pulumi.Output.all(server.ipv4, ready.stdout).apply(
            lambda values: f"ssh://{USER}@{values[0]}:22"
        )
        self.scripts = RemoteScripts(self, connection(settings, server.ipv4), server.server_id, ready)
        volume = self.scripts.run(
            f"{name}-volume",
            "volume.py",
            pulumi.Output.json_dumps({"device": server.volume_device, "folder": DATA}),
            self,
        )
        self.data_folder = answer(volume).apply(lambda mounted: str(mounted["folder"]))
        self.scripts.run(
            f"{name}-firewall",
            "firewall.py",
            ruleset(settings.ports, settings.admin_cidrs, settings.reverse_proxy_cidrs),
            self,
        )
        self.register_outputs({"docker_host": self.docker_host, "data_folder": self.data_folder})
