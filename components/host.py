"""The server made ready for Poste: booted, the volume mounted, the host firewall loaded."""

import pulumi
from pulumi_command import remote

from components.connection import USER, connection
from components.mail_server import MailServer
from components.options import child
from components.remote_scripts import FIRST, SOURCE, RemoteScripts, Undoing, command_line, fingerprint, within
from model.host_firewall import ruleset
from model.poste_container import CONTAINER
from model.server_folders import CHALLENGES, DATA, VOLUME
from model.settings import Settings
from model.ssh_keys import ssh_public_key

ACCESS = "5m"
"""Within which a login key is brought to the server."""

FIRST_BOOT = "15m"
"""A first boot installs Docker from Debian's mirror, which takes minutes on a bad day."""


class Host(pulumi.ComponentResource):
    """`poste-mail:index:Host` waits until the server has booted and Docker answers, copies the scripts of remote/,
    mounts the volume and loads the host firewall.
    """

    docker_host: pulumi.Output[str]
    """Address of the server's Docker engine. It is dialled by what is made there, and that comes after this component;
    a preview dials nothing, so it is known as soon as the address is, and a change is shown as what it is."""
    data_folder: pulumi.Output[str]
    """Poste's folder on the volume; known as soon as there is a volume on the server."""
    challenges_folder: pulumi.Output[str]
    """The folder on the volume with what the certificate's authority looks for; known as soon."""
    scripts: RemoteScripts

    def __init__(
        self, name: str, settings: Settings, server: MailServer, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("poste-mail:index:Host", name, {}, opts)
        access = self._access(name, settings, server)
        gate = command_line("python3 -", fingerprint(FIRST), settings.rerun, {"server": server.server_id})
        ready = remote.Command(
            f"{name}-ready",
            connection=connection(settings, server.ipv4),
            create=gate,
            update=gate,
            stdin=(SOURCE / FIRST).read_text(),
            add_previous_output_in_env=False,
            opts=child(
                self,
                depends_on=access,
                custom_timeouts=within(FIRST_BOOT),
            ),
        )
        self.docker_host = server.ipv4.apply(lambda ipv4: f"ssh://{USER}@{ipv4}:22")
        self.scripts = RemoteScripts(
            self, connection(settings, server.ipv4), server.server_id, ready, rerun=settings.rerun
        )
        self.scripts.run(
            f"{name}-volume",
            "volume.py",
            pulumi.Output.json_dumps(
                {
                    "device": server.volume_device,
                    "folder": VOLUME,
                    "contents": [DATA, CHALLENGES],
                    "size": settings.volume_size,
                    "container": CONTAINER,
                }
            ),
            self,
            again_with={"server": server.server_id},
            # Else the volume would be detached while Poste writes to it.
            undone_with=Undoing("release", before_losing=server.volume_id, goes_with=server.machine),
        )
        self.data_folder = server.volume_id.apply(lambda _: DATA)
        self.challenges_folder = server.volume_id.apply(lambda _: CHALLENGES)
        self.scripts.run(
            f"{name}-firewall",
            "firewall.py",
            ruleset(settings.ports, settings.admin_cidrs, settings.reverse_proxy_cidrs),
            self,
            again_with={"server": server.server_id},
        )
        self.register_outputs({"docker_host": self.docker_host, "data_folder": self.data_folder})

    def _access(self, name: str, settings: Settings, server: MailServer) -> list[pulumi.Resource]:
        """While the login key changes: lets the new one in, by the previous one, which goes."""
        previous = settings.previous_ssh_private_key
        if previous is None:
            return []
        old = ssh_public_key(previous.get_secret_value())
        new = settings.ssh_public_key
        let_in = remote.Command(
            f"{name}-new-key",
            connection=connection(settings, server.ipv4, key=previous),
            create="cat >>/root/.ssh/authorized_keys",
            stdin=f"{new}\n",
            add_previous_output_in_env=False,
            opts=child(self, custom_timeouts=within(ACCESS)),
        )
        keep_out = remote.Command(
            f"{name}-old-key",
            connection=connection(settings, server.ipv4),
            create="cd /root/.ssh && umask 077 && grep -vFf - authorized_keys >new && mv new authorized_keys",
            stdin=f"{old.split()[1]}\n",
            add_previous_output_in_env=False,
            opts=child(self, depends_on=[let_in], custom_timeouts=within(ACCESS)),
        )
        return [let_in, keep_out]
