"""Poste itself: image, container, installation, and the proof that the installer is closed."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from components.connection import ssh_files_end, write_ssh_files
from components.host import Host
from components.mail_server import MailServer
from components.options import child
from components.remote_scripts import secret_json
from model.ports import Port
from model.poste_container import CONTAINER, SERVED_CHALLENGES, START, environment, loopback_url
from model.server_folders import DATA
from model.settings import Settings

LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
"""Docker's own logs of a container grow for ever otherwise, until the disk is full."""
STOP_SECONDS = 20
"""How long Poste may take to finish deliveries before Docker kills it.

Less than the 31 seconds that the hcloud provider gives a server to shut down before it deletes it.
"""


class Poste(pulumi.ComponentResource):
    """`poste-mail:index:Poste` makes a Docker provider over SSH, pulls the image, runs the container with /data on the
    volume, and completes Poste's installer from the server itself, before the mail firewall opens it to the world.

    Another image is judged by what it does before anything else follows; one that fails gives way to the one of before,
    with the databases of before, and the deploy says so.
    """

    container_id: pulumi.Output[str]
    installed: pulumi.Resource
    """Done when the administrator exists and the installer is proven closed."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is what must have happened to the data before Poste starts on it."""
        super().__init__("poste-mail:index:Poste", name, {}, opts)
        stack = pulumi.get_stack()
        files = ssh_files_end(f"{name}-ssh-files", stack, child(self))
        engine = docker.Provider(
            name,
            host=host.docker_host,
            ssh_opts=write_ssh_files(settings, stack),
            opts=child(self, depends_on=[files]),
        )
        image = docker.RemoteImage(
            name,
            name=settings.poste_image,
            keep_locally=True,
            # A new server has no images yet, and without this nobody would know before the container fails.
            triggers={"server": server.server_id},
            opts=child(self, provider=engine, depends_on=[host], deleted_with=server.machine),
        )
        bridged = settings.network_mode == "bridge"
        change = {
            "container": CONTAINER,
            "image": image.image_id,
            "reference": settings.poste_image,
            "data": DATA,
            "backup": settings.backup is not None,
            "url": loopback_url(settings),
        }
        prepared = host.scripts.run(
            f"{name}-upgrade",
            "upgrade.py",
            pulumi.Output.json_dumps(change),
            self,
            argument="prepare",
            depends_on=[image, *after],
            # A backup comes first, if there is one.
            deadline="6h",
        )
        container = docker.Container(
            name,
            name=CONTAINER,
            image=image.image_id,
            entrypoints=["/bin/sh", "-c", START],
            hostname=settings.mail_host,
            envs=environment(settings),
            network_mode=settings.network_mode,
            ports=published(settings.ports) if bridged else [],
            # A bind mount, which fails where the folder is missing; a volume would make an empty one.
            mounts=[
                {"type": "bind", "source": host.data_folder, "target": "/data"},
                {"type": "bind", "source": host.challenges_folder, "target": SERVED_CHALLENGES},
            ],
            # On a new server the container is made anew, not looked for in vain; on another volume it stops first.
            labels=[
                {"label": "poste-mail.server", "value": server.server_id},
                {"label": "poste-mail.volume", "value": server.volume_id},
            ],
            log_driver="json-file",
            log_opts=LOG_LIMITS,
            restart="unless-stopped",
            must_run=True,
            destroy_grace_seconds=STOP_SECONDS,
            stop_timeout=STOP_SECONDS,
            opts=child(
                self,
                provider=engine,
                depends_on=[host, prepared, *after],
                # The Docker provider takes another folder for a change in place, which it then does not make.
                replace_on_changes=["mounts"],
                # Two Postes on one /data destroy its databases, and both want the same ports.
                delete_before_replace=True,
                # A server that is gone or broken must not keep the stack from replacing or destroying it. Docker stops
                # the container in order when the server shuts down.
                deleted_with=server.machine,
            ),
        )
        judged = host.scripts.run(
            f"{name}-judged",
            "upgrade.py",
            pulumi.Output.json_dumps(change),
            self,
            argument="judge",
            again_with={"container": container.id},
            deadline="30m",
        )
        self.installed = host.scripts.run(
            f"{name}-install",
            "install.py",
            secret_json(
                url=loopback_url(settings),
                hostname=settings.mail_host,
                admin=settings.admin_address,
                password=settings.admin_password.get_secret_value(),
                data=host.data_folder,
                web_ports=[settings.http_port, settings.https_port],
            ),
            self,
            again_with={"container": container.id},
            depends_on=[judged],
            deadline="15m",
        )
        self.container_id = container.id
        self.register_outputs({"container_id": self.container_id})


def published(ports: Sequence[Port]) -> list[docker.ContainerPortArgsDict]:
    """The ports that bridge mode publishes, on IPv4 only; the same number inside and outside, as in the guide.

    Docker's default bridge has no IPv6: connections that arrive on IPv6 would reach Poste from the gateway's address,
    which it takes for a trusted neighbour, and so make it an open relay.
    """
    return [
        {"internal": port.number, "external": port.number, "ip": "0.0.0.0", "protocol": "tcp"}  # noqa: S104
        for port in ports
    ]
