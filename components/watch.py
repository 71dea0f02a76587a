"""The watch: a timer on the server that looks after Poste, and tells of alarms."""

import json
from collections.abc import Sequence

import pulumi

from components.host import Host
from components.mail_server import MailServer
from components.remote_scripts import Undoing, secret_json
from model.poste_container import CONTAINER, loopback_url, services_off
from model.server_folders import DATA
from model.settings import Settings
from model.watch import NOBODY_TOLD, TELL_SOMEBODY, Heartbeat


class Watch(pulumi.ComponentResource):
    """`poste-mail:index:Watch` has a timer on the server look after Poste every five minutes, and tell of alarms by
    HTTPS, because a mail server cannot mail its own death.

    It comes when mail works, and does not wait for the certificate: that none comes is what somebody is to be told of.
    What it has seen lies on the volume.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is all that works without it."""
        super().__init__("poste-mail:index:Watch", name, {}, opts)
        host.scripts.run(
            name,
            "watch.py",
            _request(settings),
            self,
            # A new server has no timer yet, and another volume none of what was seen.
            again_with={"server": server.server_id, "volume": server.volume_id},
            undone_with=Undoing("stop", before_losing=server.volume_id, goes_with=server.machine),
            depends_on=after,
        )
        self.register_outputs({})


def _request(settings: Settings) -> pulumi.Output[str] | str:
    """What the script is told; a secret where an address is in it."""
    addresses = (settings.heartbeat or Heartbeat()).addresses
    request = {
        "data": DATA,
        "container": CONTAINER,
        "host": settings.mail_host,
        "url": loopback_url(settings),
        "domains": [{"name": domain.name} for domain in settings.domains],
        "ports": [
            {"number": port.number, "service": port.service, "security": port.security} for port in settings.ports
        ],
        "off": services_off(settings),
        "thresholds": settings.watch.model_dump(),
        "backup": settings.backup is not None,
        "certificate": settings.acme_directory is not None,
        "heartbeat": addresses,
    }
    return secret_json(**request) if any(addresses.values()) else json.dumps(request)


def tell_nobody_is_told(settings: Settings) -> None:
    """Warn where an alarm would reach nobody."""
    told = (settings.heartbeat or Heartbeat()).addresses
    if settings.protect and not any(told.values()):
        pulumi.log.warn(f"{NOBODY_TOLD}. {TELL_SOMEBODY}.")
