"""The relay through which Poste has all mail leave, and what it wants in DNS; or that there is none."""

import json
from collections.abc import Sequence

import pulumi

from components.existing.zones import Zones
from components.host import Host
from components.poste import Poste
from components.remote_scripts import secret_json
from model.next_steps import BLOCKED
from model.poste_container import CONTAINER
from model.server_folders import DATA, RELAY
from model.settings import Settings
from model.survey import Survey
from model.wanted_records import relay_records


def tell_the_block(settings: Settings, survey: Survey) -> None:
    """Say in the first preview that Hetzner may let no mail leave, and what to do."""
    if pulumi.runtime.is_dry_run() and settings.relay is None and survey.server is None:
        pulumi.log.warn(BLOCKED)


class Relay(pulumi.ComponentResource):
    """`poste-mail:index:Relay` makes the records that a relay wants, and has Poste hand it all outgoing mail once the
    server has signed in to it. Where the settings name none, it has Poste deliver mail itself: a route of ours may be
    left where the relay has gone together with the server, or come back with a backup.

    The relay's port is open by then, and the direct ways out are closed after it. Where there is none, they are open
    before: `after` is the firewall then. One command does both, so whatever was cut off in between, the other way of
    mail is a change of it and is carried out.
    """

    in_use: pulumi.Resource
    """Done when mail leaves as the settings say."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        host: Host,
        poste: Poste,
        zones: Zones,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:Relay", name, {}, opts)
        known = [zones.make_known(wanted, self) for wanted in relay_records(settings)]
        place = {"container": CONTAINER, "data": DATA, "folder": RELAY}
        relay = settings.relay
        self.in_use = host.scripts.run(
            name,
            "relay.py",
            secret_json(
                **place,
                host=settings.mail_host,
                route=relay.route,
                relay={
                    "host": relay.host,
                    "port": relay.port,
                    "user": relay.user,
                    "password": relay.password.get_secret_value(),
                },
            )
            if relay
            else json.dumps(place),
            self,
            argument="" if relay else "off",
            again_with={"container": poste.container_id},
            depends_on=[poste.installed, *known, *after],
            deadline="15m",
        )
        self.register_outputs({})
