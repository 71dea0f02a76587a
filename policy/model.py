"""What rules look at: resources with plain properties, in which a value that is not known yet is UNKNOWN."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


class Unknown:
    """A value that a preview cannot know; rules leave it alone, because the update judges it when it is known."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

# Pulumi's type tokens of the resources that the rules know.
STACK = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:"
DOCKER_PROVIDER = "pulumi:providers:docker"
EVERYTHING = "*"
"""Stands for all types in a rule's list of them."""
SERVER = "hcloud:index/server:Server"
PRIMARY_IP = "hcloud:index/primaryIp:PrimaryIp"
RDNS = "hcloud:index/rdns:Rdns"
FIREWALL = "hcloud:index/firewall:Firewall"
FIREWALL_ATTACHMENT = "hcloud:index/firewallAttachment:FirewallAttachment"
VOLUME = "hcloud:index/volume:Volume"
SSH_KEY = "hcloud:index/sshKey:SshKey"
STORAGE_BOX = "hcloud:index/storageBox:StorageBox"
STORAGE_ACCOUNT = "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount"
DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
ZONE_DNSSEC = "cloudflare:index/zoneDnssec:ZoneDnssec"
WORKER = "cloudflare:index/workersScript:WorkersScript"
WORKER_HOST = "cloudflare:index/workersCustomDomain:WorkersCustomDomain"
IMAGE = "docker:index/remoteImage:RemoteImage"
CONTAINER = "docker:index/container:Container"
COMMAND = "command:remote:Command"
LOCAL_COMMAND = "command:local:Command"
COPY = "command:remote:CopyToRemote"
COPY_FILE = "command:remote:CopyFile"
DOCKER = "docker:"

OLD_NAMES = {
    "cloudflare:index/record:Record": DNS_RECORD,
    "cloudflare:index/workerScript:WorkerScript": WORKER,
    "cloudflare:index/workerDomain:WorkerDomain": WORKER_HOST,
}
"""Types that the providers still know by an earlier name too."""


@dataclass(frozen=True)
class Resource:
    """A resource of the stack."""

    type: str
    name: str
    props: Mapping[str, Any] = field(default_factory=dict)
    """Its inputs where a rule looks at one resource, its outputs where a rule looks at the whole stack."""
    urn: str = ""
    protect: bool = False
    """Whether Pulumi refuses to delete it."""
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each property, the URNs of the resources that its value comes from; known even where the value is not."""
    after: frozenset[str] = frozenset()
    """The URNs of the resources that must be there before it. Rules for single resources are not told."""
    ignores: frozenset[str] = frozenset()
    """The properties whose changes Pulumi ignores."""
    in_clear: Mapping[str, Any] = field(default_factory=dict)
    """Its inputs without those that the state encrypts. Only rules of the level `remediate` are told."""

    @property
    def sources(self) -> frozenset[str]:
        """The URNs of all resources that any of its values comes from."""
        return frozenset[str]().union(*self.uses.values())

    def get(self, name: str) -> Any:
        """The property's value, None where it is not set, or UNKNOWN."""
        return self.props.get(name)

    def entries(self, name: str) -> list[Mapping[str, Any]]:
        """The known objects in the property's list, or none where the list is not set or not known."""
        value = self.props.get(name)
        return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []

    def may_have_more(self, name: str) -> bool:
        """Whether the property's list, or one of its entries, is not known yet."""
        value = self.props.get(name)
        return value is UNKNOWN or (isinstance(value, list) and UNKNOWN in value)


@dataclass(frozen=True)
class Resources:
    """All resources of the stack."""

    items: tuple[Resource, ...]

    def of_type(self, *types: str) -> list[Resource]:
        """Those of one of the types, in a stable order."""
        return sorted((found for found in self.items if found.type in types), key=lambda found: found.urn)

    def sources(self, urns: frozenset[str]) -> Iterator[Resource]:
        """The resources with these URNs and all that their values come from, however many steps away."""
        return self._reached(urns, lambda found: found.sources)

    def before(self, resource: Resource) -> Iterator[Resource]:
        """All resources that must be there before one, however many steps away."""
        return self._reached(resource.after, lambda found: found.after)

    def _reached(self, urns: frozenset[str], further: Callable[[Resource], frozenset[str]]) -> Iterator[Resource]:
        by_urn = {found.urn: found for found in self.items}
        seen: set[str] = set()
        waiting = list(urns)
        while waiting:
            urn = waiting.pop()
            if urn in by_urn and urn not in seen:
                seen.add(urn)
                yield by_urn[urn]
                waiting.extend(further(by_urn[urn]))
