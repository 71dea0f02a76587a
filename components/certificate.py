"""The mail host's certificate, asked for when mail works already, and renewed on the server without anyone."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
from pulumi_cloudflare import DnsRecordDataArgs

from components.existing.zones import Zones
from components.host import Host
from components.mail_server import MailServer
from components.options import of_nobody
from components.poste import Poste
from components.remote_scripts import Undoing, answer, secret_json
from model.poste_container import CONTAINER
from model.records import permission
from model.server_folders import CERTIFICATES, CHALLENGES, DATA
from model.settings import Settings
from model.wanted_records import issuer_records, key_records

SCRIPT = "certificate.py"


class Certificate(pulumi.ComponentResource):
    """`poste-mail:index:Certificate` gets a certificate by ACME (RFC 8555), proving the names through Poste's own web
    server, lets Poste serve it, reads it from each port, and has a timer on the server renew it.

    It comes last, and nothing waits for it: an authority that is down, or refuses, keeps no mail away. Account, keys
    and certificate lie on the volume, so that a new server or container goes on with them.

    Before it is asked for, CAA records permit that authority, account and method, and no other (RFC 8659, RFC 8657).
    Where resolvers can validate the mail host's zone, TLSA records tell its present and its next key (RFC 7672).
    """

    account: pulumi.Output[str]
    """The URI of the account at the authority, as a CAA record names it (RFC 8657). Its key stays on the server."""
    served: pulumi.Resource
    """Done when each port serves the certificate."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        poste: Poste,
        zones: Zones,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is all that works without a certificate."""
        super().__init__("poste-mail:index:Certificate", name, {}, opts)
        keys = list(key_records(settings, zones.validated))
        request = _request(settings, published=bool(keys))
        account = host.scripts.run(
            f"{name}-account",
            SCRIPT,
            request,
            self,
            argument="account",
            again_with={"volume": server.volume_id},
            # A stack that wants no certificate any more has no timer that asks for one, even if there never was one.
            undone_with=Undoing("stop", goes_with=server.machine),
            depends_on=after,
        )
        value = answer(account).apply(lambda found: permission(settings.issuer or "", str(found["account"])))
        data = DnsRecordDataArgs(flags=0, tag="issue", value=of_nobody(value))
        permitted = [
            zones.make(wanted, None, self, data=data, depends_on=[account])
            for mail_host in settings.certificate_names
            for wanted in issuer_records(mail_host, settings)
        ]
        self.served = command = host.scripts.run(
            name,
            SCRIPT,
            request,
            self,
            again_with={"container": poste.container_id},
            undone_with=Undoing("stop", before_losing=server.volume_id, goes_with=server.machine),
            depends_on=[account, *permitted],
            deadline="15m",
        )
        self.account = answer(command).apply(lambda found: str(found["account"]))
        if keys:
            # Apart from the other, which runs with each container: what it prints is known as long as no key changes.
            told = host.scripts.run(
                f"{name}-keys",
                SCRIPT,
                request,
                self,
                argument="keys",
                again_with={"volume": server.volume_id},
                depends_on=[command],
            )
            for wanted in keys:
                digest = answer(told).apply(partial(_digest, slot=wanted.resource[-1]))
                # DANE-EE, the public key, by SHA-256 (RFC 7672, section 3.1.1).
                data = DnsRecordDataArgs(usage=3, selector=1, matching_type=1, certificate=of_nobody(digest))
                zones.make(wanted, None, self, data=data, depends_on=[told])
        self.register_outputs({"account": self.account})


def _digest(found: Mapping[str, Any], slot: str) -> str:
    return str(found[slot])


def _request(settings: Settings, *, published: bool) -> pulumi.Output[str] | str:
    """What the script is told."""
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
        "rotation": settings.certificate_key_rotation,
        "published": published,
    }
    return _bound(request, settings) or json.dumps(request)


def _bound(request: Mapping[str, Any], settings: Settings) -> pulumi.Output[str] | None:
    """The request with what binds the account to one that the authority knows already, if that is set."""
    if settings.acme_key_id is None or settings.acme_hmac_key is None:
        return None
    key_id, key = settings.acme_key_id.get_secret_value(), settings.acme_hmac_key.get_secret_value()
    return secret_json(**request, binding={"key_id": key_id, "hmac_key": key})
