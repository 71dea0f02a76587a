"""The DKIM key that Poste makes for a domain, read back so that the same deploy can publish it (RFC 6376)."""

import pulumi

from components.host import Host
from components.mail_server import MailServer
from components.poste import Poste
from components.remote_scripts import answer
from model.poste_container import CONTAINER, loopback_url
from model.records import dkim, dkim_name, strong_dkim_key
from model.settings import Settings


class DkimKey(pulumi.ComponentResource):
    """`poste-mail:index:DkimKey` makes sure that Poste has the domain and a key for it, and reads the public half.

    A key that is there is never replaced: its record would be wrong from that moment on. It lies on the volume, so it
    is read again when that changes, and not when the container or the server does: then a preview knows it. The private
    key stays on the server.
    """

    domain_known: pulumi.Resource
    """Done when Poste takes mail for the domain."""
    record_name: pulumi.Output[str]
    record_text: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        domain: str,
        settings: Settings,
        server: MailServer,
        host: Host,
        poste: Poste,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:DkimKey", name, {}, opts)
        self.domain_known = command = host.scripts.run(
            name,
            "dkim.py",
            pulumi.Output.json_dumps({"url": loopback_url(settings), "domain": domain, "container": CONTAINER}),
            self,
            again_with={"volume": server.volume_id},
            depends_on=[poste.installed],
        )
        key = answer(command)
        self.record_name = key.apply(lambda found: dkim_name(found["selector"], domain))
        self.record_text = key.apply(lambda found: dkim(strong_dkim_key(found["public_key"])))
        self.register_outputs({"record_name": self.record_name, "record_text": self.record_text})
