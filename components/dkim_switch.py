"""The moment from which Poste signs with another DKIM key (RFC 6376)."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import pulumi

from components.dkim_key import DkimKey, KeyRecord
from components.host import Host
from components.mail_server import MailServer
from components.remote_scripts import answer
from model.dkim_rotation import KEPT, Switched, record, switch_command
from model.poste_container import CONTAINER, KEYS_KNOWN, LINK_SIGNERS, SIGNING_KEYS, loopback_url
from model.server_folders import DATA, DKIM_KEYS
from model.settings import MailDomainSettings, Settings


class DkimSwitch(pulumi.ComponentResource):
    """`poste-mail:index:DkimSwitch` lets Poste sign with a domain's next key, once the world can know it.

    It asks each of the zone's name servers for the key's record, and notes when all had it. One TTL later the key
    signs, and a message shows it, or the former one comes back. Another week later that one is revoked. What has to
    wait for more than a minute or so waits for a later deploy: see model.dkim_rotation.
    """

    signing: KeyRecord
    """The record of the key that signs."""
    other: KeyRecord
    """The record of the next key, or of the former one."""
    stands: pulumi.Output[Switched]
    """How far the change has come."""

    def __init__(
        self,
        domain: MailDomainSettings,
        key: DkimKey,
        settings: Settings,
        server: MailServer,
        host: Host,
        published: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`published` are the records of both keys."""
        name = switch_command(domain.name)
        super().__init__("poste-mail:index:DkimSwitch", name, {}, opts)
        request = {
            "url": loopback_url(settings),
            "domain": domain.name,
            "container": CONTAINER,
            "data": DATA,
            "folder": DKIM_KEYS,
            "rotation": key.rotation.wanted,
            "record": {"name": key.newest.name, "text": key.newest.text},
            "ttl": domain.ttl,
            "kept": KEPT,
            "due": key.rotation.due,
            "link": LINK_SIGNERS,
            "keys": SIGNING_KEYS,
            "known": KEYS_KNOWN,
        }
        command = host.scripts.run(
            name,
            "dkim_switch.py",
            pulumi.Output.json_dumps(request),
            self,
            again_with={"volume": server.volume_id},
            depends_on=[key, *published],
            deadline="20m",
        )
        newest, former = key.newest, key.records[record(domain.name, key.rotation.wanted - 1)]
        self.stands = answer(command).apply(self._told(domain.name))
        known = pulumi.Output.all(self.stands, newest.name, newest.text, former.name, former.text).apply(_in_order)
        self.signing, self.other = (
            KeyRecord(known.apply(itemgetter(place)), known.apply(itemgetter(place + 1))) for place in (0, 2)
        )
        self.register_outputs({"name": self.signing.name})

    @property
    def output(self) -> dict[str, pulumi.Output[Any]]:
        """What the stack tells of the change, and of the record beside that of the key that signs."""
        return {
            "rotation": self.stands.apply(lambda found: found.rotation),
            "phase": self.stands.apply(lambda found: found.phase),
            "due": self.stands.apply(lambda found: found.due),
            "why": self.stands.apply(lambda found: found.why),
            "otherName": self.other.name,
            "otherValue": self.other.text,
        }

    def _told(self, domain: str) -> Callable[[dict[str, Any]], Switched]:
        """Reads what the script has printed, and says what there is to know of it."""

        def read(printed: dict[str, Any]) -> Switched:
            found = Switched.of(printed)
            if said := found.sentence(domain):
                say = pulumi.log.warn if found.phase == "waiting" else pulumi.log.info
                say(said, self)
            return found

        return read


def _in_order(known: Sequence[Any]) -> list[str]:
    """Name and text of the key that signs, then those of the other one."""
    switched, newest, former = known[0], list(known[1:3]), list(known[3:5])
    return former + newest if switched.phase == "waiting" else newest + former
