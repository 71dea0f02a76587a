"""The DKIM key that Poste makes for a domain, read back so that the same deploy can publish it (RFC 6376)."""

import pulumi

from components.host import Host
from components.poste import CONTAINER, Poste
from components.poste_container import loopback_url
from components.records import dkim, dkim_name, strong_dkim_key
from components.remote_scripts import answer, secret_json
from components.settings import Settings


class DkimKey(pulumi.ComponentResource):
    """`poste-mail:index:DkimKey` makes sure that Poste has the domain and a key for it, and reads the public half.

    A key that is there is never replaced: its record would be wrong from that moment on. The private key stays on the
    server.
    """

    record_name: pulumi.Output[str]
    record_text: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        domain: str,
        settings: Settings,
        host: Host,
        poste: Poste,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:DkimKey", name, {}, opts)
        key = answer(
            host.scripts.run(
                name,
                "dkim.py",
                secret_json(
                    url=loopback_url(settings),
                    domain=domain,
                    container=CONTAINER,
                    admin=settings.admin_address,
                    password=settings.admin_password.get_secret_value(),
                ),
                self,
                # A new container may have lost the link from the signer to the key; the script mends that.
                triggers=[poste.container_id],
                depends_on=[poste.installed],
            )
        )
        # What the script prints is public, though the input that it answers to is secret.
        self.record_name = pulumi.Output.unsecret(key.apply(lambda found: dkim_name(found["selector"], domain)))
        self.record_text = pulumi.Output.unsecret(key.apply(lambda found: dkim(strong_dkim_key(found["public_key"]))))
        self.register_outputs({"record_name": self.record_name, "record_text": self.record_text})
