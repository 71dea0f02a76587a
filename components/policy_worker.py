"""A Worker at Cloudflare that serves what a mail domain has to say by HTTPS (RFC 8461, autoconfig, autodiscover)."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.zones import Zones
from components.options import child
from model.settings import Settings
from model.wanted_records import web_records
from model.web_hosts import web_hosts
from model.worker import COMPATIBILITY_DATE, MAIN_MODULE, script


class PolicyWorker(pulumi.ComponentResource):
    """`poste-mail:index:PolicyWorker` makes a script, the same for all domains of an account, and leads the hosts
    mta-sts, autoconfig and autodiscover of each domain to it, for which Cloudflare makes address and certificate.

    It answers while the mail server does not, and its certificates are none of the server's business. The hosts get and
    send no mail, and their records say so.
    """

    serving: dict[str, pulumi.Resource]
    """By host: made when the host leads to the script."""

    def __init__(
        self,
        script_name: str,
        settings: Settings,
        zones: Zones,
        hosts: Mapping[str, Sequence[tuple[str, str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`hosts` are those to serve, with their zones' identifiers, by account."""
        super().__init__("poste-mail:index:PolicyWorker", "policies", {}, opts)
        self.serving = {}
        for number, (account, listed) in enumerate(hosts.items()):
            worker = cloudflare.WorkersScript(
                f"policies-{number}" if number else "policies",
                account_id=account,
                script_name=script_name,
                content=script(settings),
                main_module=MAIN_MODULE,
                compatibility_date=COMPATIBILITY_DATE,
                opts=child(self),
            )
            for host, zone_id in listed:
                self.serving[host] = cloudflare.WorkersCustomDomain(
                    host,
                    account_id=account,
                    zone_id=zone_id,
                    hostname=host,
                    service=worker.script_name,
                    # Left out, it is another one after each reading, and the host would be made anew.
                    environment="production",
                    opts=child(self),
                )
        for domain in settings.domains:
            for host in web_hosts(domain, settings):
                for wanted in web_records(host, domain):
                    if wanted.kind != "web":
                        zones.make_known(wanted, self)
        self.register_outputs({})
