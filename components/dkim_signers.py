"""Poste's signers, which must find the DKIM keys, or mail leaves unsigned and nobody is told."""

from collections.abc import Sequence

import pulumi

from components.host import Host
from components.poste import Poste
from model.poste_container import signers_input
from model.settings import Settings


class DkimSigners(pulumi.ComponentResource):
    """`poste-mail:index:DkimSigners` checks for each container anew that Poste's signers find the key of each domain,
    mends the links to the keys if they do not, and restarts signers that still hold a key that is none any more.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        host: Host,
        poste: Poste,
        keys: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`keys` is what makes the keys that the signers are to find."""
        super().__init__("poste-mail:index:DkimSigners", name, {}, opts)
        domains = [domain.name for domain in settings.domains]
        host.scripts.run(
            name,
            "signers.py",
            pulumi.Output.json_dumps(signers_input(domains)),
            self,
            again_with={"container": poste.container_id},
            depends_on=[poste.installed, *keys],
        )
        self.register_outputs({})
