"""The relay through which Poste has all mail leave, and what it wants in DNS."""

import pulumi

from components.existing.zones import Zones
from components.host import Host
from components.mail_server import MailServer
from components.poste import Poste
from components.remote_scripts import Undoing, secret_json
from model import relay as model
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
    server has signed in to it.

    The port to it is open by then, and the direct ways out are closed after it; so they are open again before it goes.
    """

    in_use: pulumi.Resource
    """Done when mail leaves through the relay."""

    def __init__(
        self,
        name: str,
        relay: model.Relay,
        settings: Settings,
        server: MailServer,
        host: Host,
        poste: Poste,
        zones: Zones,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:Relay", name, {}, opts)
        known = [zones.make_known(wanted, self) for wanted in relay_records(settings)]
        self.in_use = host.scripts.run(
            name,
            "relay.py",
            secret_json(
                container=CONTAINER,
                data=DATA,
                folder=RELAY,
                host=settings.mail_host,
                route=relay.route,
                relay={
                    "host": relay.host,
                    "port": relay.port,
                    "user": relay.user,
                    "password": relay.password.get_secret_value(),
                },
            ),
            self,
            again_with={"container": poste.container_id},
            undone_with=Undoing("off", goes_with=server.machine),
            depends_on=[poste.installed, *known],
            deadline="15m",
        )
        self.register_outputs({})
