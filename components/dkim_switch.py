"""The moment from which Poste signs with another DKIM key (RFC 6376)."""

from collections.abc import Sequence
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
        self.command = host.scripts.run(
            name,
            "dkim_switch.py",
            pulumi.Output.json_dumps(request),
            self,
            again_with={"volume": server.volume_id},
            depends_on=[key, *published],
            deadline="20m",
        )
        former = key.records[record(domain.name, key.rotation.wanted - 1)]
        known = pulumi.Output.all(
            told=answer(self.command),
            newest=(key.newest.name, key.newest.text),
            former=(former.name, former.text),
        )

        def signing(found: dict[str, Any]) -> list[str]:
            switched = Switched.of(found["told"])
            if said := switched.sentence(domain.name):
                say = pulumi.log.warn if switched.phase == "waiting" else pulumi.log.info
                say(said, self)
            return list(found["former" if switched.phase == "waiting" else "newest"])

        both = known.apply(signing)
        self.signing = KeyRecord(both.apply(lambda found: found[0]), both.apply(lambda found: found[1]))
        self.register_outputs({"name": self.signing.name})
