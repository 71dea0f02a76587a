"""A Worker at Cloudflare that serves what a mail domain has to say by HTTPS (RFC 8461, autoconfig, autodiscover)."""

from collections.abc import Sequence

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
        settings: Settings,
        zones: Zones,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`after` is done when what the policies promise holds."""
        super().__init__("poste-mail:index:PolicyWorker", "policies", {}, opts)
        self.serving = {}
        workers: dict[str, cloudflare.WorkersScript] = {}
        for domain in settings.domains:
            zone = zones.of(domain.name)
            for host in web_hosts(domain, settings):
                if zone.account not in workers:
                    workers[zone.account] = self._worker(settings, zones, zone.account, len(workers), after)
                self.serving[host] = cloudflare.WorkersCustomDomain(
                    host,
                    account_id=zone.account,
                    zone_id=zone.id,
                    hostname=host,
                    service=workers[zone.account].script_name,
                    # Cloudflare knows it by its name: made first, the new one would be deleted with the old.
                    opts=child(self, delete_before_replace=True),
                )
                for wanted in web_records(host, domain):
                    if wanted.kind != "web":
                        zones.make_known(wanted, self)
        self.register_outputs({})

    def _worker(
        self, settings: Settings, zones: Zones, account: str, number: int, after: Sequence[pulumi.Resource]
    ) -> cloudflare.WorkersScript:
        """The script in one account; most have all their zones in one."""
        return cloudflare.WorkersScript(
            f"policies-{number}" if number else "policies",
            account_id=account,
            script_name=zones.worker,
            content=script(settings),
            main_module=MAIN_MODULE,
            compatibility_date=COMPATIBILITY_DATE,
            opts=child(self, depends_on=list(after)),
        )
