"""What a stack's state holds of each resource."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Held:
    """One resource of the state, as the last operation left it."""

    urn: str
    type: str
    """The type's token, such as `cloudflare:index/dnsRecord:DnsRecord`."""
    outputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]


def mail_host(state: Iterable[Held]) -> str | None:
    """The mail host of the last deploy that was complete."""
    outputs = next((held.outputs for held in state if held.type == "pulumi:pulumi:Stack"), {})
    return outputs.get("mailHost")
