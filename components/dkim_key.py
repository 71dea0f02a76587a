"""The DKIM keys of a domain: the one that Poste has made, and those that take turns with it (RFC 6376)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.host import Host
from components.mail_server import MailServer
from components.poste import Poste
from components.remote_scripts import answer
from model.dkim_rotation import Rotation, key_command, record
from model.poste_container import CONTAINER, loopback_url
from model.records import REVOKED_DKIM, dkim, dkim_name, strong_dkim_key
from model.server_folders import DATA, DKIM_KEYS
from model.settings import Settings


@dataclass(frozen=True)
class KeyRecord:
    """The record of a key."""

    name: pulumi.Output[str]
    text: pulumi.Output[str]
    may_go: bool = False
    """Whether the key is revoked, so that the record no longer needs protection."""


class DkimKey(pulumi.ComponentResource):
    """`poste-mail:index:DkimKey` makes sure that Poste has the domain and a key for it, makes the next key where one is
    wanted, and reads the public halves.

    A key that signs is never replaced here: its record would be wrong from that moment on (see DkimSwitch). Keys lie on
    the volume, so they are read again when that changes, and not when the container or the server does: then a preview
    knows them. The private keys stay on the server.
    """

    rotation: Rotation
    domain_known: pulumi.Resource
    """Done when Poste takes mail for the domain."""
    records: Mapping[str, KeyRecord]
    """By the logical names of the resources, the newest key's first."""

    def __init__(
        self,
        name: str,
        rotation: Rotation,
        settings: Settings,
        server: MailServer,
        host: Host,
        poste: Poste,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:DkimKey", name, {}, opts)
        self.rotation, self._domain = rotation, rotation.domain
        request = {
            "url": loopback_url(settings),
            "domain": rotation.domain,
            "container": CONTAINER,
            "data": DATA,
            "folder": DKIM_KEYS,
            "rotation": rotation.wanted,
            "first": rotation.first,
        }
        self.domain_known = command = host.scripts.run(
            key_command(rotation.domain),
            "dkim.py",
            pulumi.Output.json_dumps(request),
            self,
            again_with={"volume": server.volume_id},
            depends_on=[poste.installed],
        )
        found = answer(command)
        self.records = {
            record(rotation.domain, generation): self._record(generation, found) for generation in rotation.generations
        }
        self.register_outputs({"names": [published.name for published in self.records.values()]})

    @property
    def newest(self) -> KeyRecord:
        """The record of the key that signs in the end."""
        return self.records[record(self._domain, self.rotation.wanted)]

    def _record(self, generation: int, found: pulumi.Output[dict[str, Any]]) -> KeyRecord:
        """A key's record. The former one's is left as it stands where the server has forgotten that key."""
        rotation, resource = self.rotation, record(self._domain, generation)
        is_former = generation != rotation.wanted
        stands = rotation.stands.get(resource)

        def name(told: dict[str, Any]) -> str:
            key = told["keys"].get(str(generation))
            return dkim_name(key["selector"], self._domain) if key or not stands else stands[0]

        def text(told: dict[str, Any]) -> str:
            key = told["keys"].get(str(generation))
            signs = told["active"] == generation and told["at"] > rotation.signs_since
            if is_former and rotation.revokes and not signs:
                return REVOKED_DKIM
            return dkim(strong_dkim_key(key["public_key"])) if key or not stands else stands[1]

        return KeyRecord(found.apply(name), found.apply(text), may_go=is_former and rotation.revokes)
