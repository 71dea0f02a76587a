"""The mail host's certificate, asked for when mail works already, and renewed on the server without anyone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.host import Host
from components.mail_server import MailServer
from components.poste import Poste
from components.remote_scripts import Undoing, answer, secret_json
from model.poste_container import CONTAINER
from model.server_folders import CERTIFICATES, CHALLENGES, DATA
from model.settings import Settings


class Certificate(pulumi.ComponentResource):
    """`poste-mail:index:Certificate` gets a certificate by ACME (RFC 8555), proving the names through Poste's own web
    server, lets Poste serve it, reads it from each port, and has a timer on the server renew it.

    It comes last, and nothing waits for it: an authority that is down, or refuses, keeps no mail away. Account, keys
    and certificate lie on the volume, so that a new server or container goes on with them.
    """

    account: pulumi.Output[str]
    """The URI of the account at the authority, as a CAA record names it (RFC 8657). Its key stays on the server."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        poste: Poste,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is all that works without a certificate."""
        super().__init__("poste-mail:index:Certificate", name, {}, opts)
        request = {
            "names": settings.certificate_names,
            "authority": settings.acme_directory,
            "email": settings.certificate_email,
            "folder": CERTIFICATES,
            "challenges": CHALLENGES,
            "data": DATA,
            "container": CONTAINER,
            "ports": [
                {"number": port.number, "service": port.service, "security": port.security} for port in settings.ports
            ],
        }
        command = host.scripts.run(
            name,
            "certificate.py",
            _bound(request, settings) or json.dumps(request),
            self,
            again_with={"container": poste.container_id},
            # A stack that wants none any more has no timer that asks for one.
            undone_with=Undoing("stop", before_losing=server.volume_id, goes_with=server.machine),
            depends_on=after,
            deadline="15m",
        )
        self.account = answer(command).apply(lambda found: str(found["account"]))
        self.register_outputs({"account": self.account})


def _bound(request: Mapping[str, Any], settings: Settings) -> pulumi.Output[str] | None:
    """The request with what binds the account to one that the authority knows already, if that is set."""
    if settings.acme_key_id is None or settings.acme_hmac_key is None:
        return None
    key_id, key = settings.acme_key_id.get_secret_value(), settings.acme_hmac_key.get_secret_value()
    return secret_json(**request, binding={"key_id": key_id, "hmac_key": key})
