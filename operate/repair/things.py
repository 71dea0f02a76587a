"""What the clouds hold of a stack, and what the program makes: the two sides that are to agree, as pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SSH_KEY = "hcloud:index/sshKey:SshKey"
PRIMARY_IP = "hcloud:index/primaryIp:PrimaryIp"
RDNS = "hcloud:index/rdns:Rdns"
FIREWALL = "hcloud:index/firewall:Firewall"
SERVER = "hcloud:index/server:Server"
VOLUME = "hcloud:index/volume:Volume"
ATTACHMENT = "hcloud:index/volumeAttachment:VolumeAttachment"
STORAGE_BOX = "hcloud:index/storageBox:StorageBox"
SUBACCOUNT = "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount"
DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"

KINDS = {
    SSH_KEY: "SSH key",
    PRIMARY_IP: "primary IP",
    RDNS: "PTR record",
    FIREWALL: "firewall",
    SERVER: "server",
    VOLUME: "volume",
    ATTACHMENT: "volume attachment",
    STORAGE_BOX: "Storage Box",
    SUBACCOUNT: "Storage Box account",
    DNS_RECORD: "DNS record",
}
"""What people call the types of resources that the clouds can be asked for."""


@dataclass(frozen=True)
class Thing:
    """One thing at a cloud that carries the stack's label or comment."""

    type: str
    """Type token of the resource that it is in the program."""
    id: str
    """Its identifier in the state."""
    name: str
    where: str
    """For people: the cloud, and where in it."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """The resource's inputs by which it is known as this thing, such as its name."""
    content: str = ""
    """A DNS record's."""
    import_id: str = ""
    """What `pulumi import` wants as its identifier, where that is more than `id`."""

    @property
    def kind(self) -> str:
        """What people call it."""
        return f"{self.marks['type']} record" if self.type == DNS_RECORD else KINDS[self.type]

    def json(self) -> dict[str, str]:
        """The same for programs."""
        return {"kind": self.kind, "name": self.name, "id": self.id, "where": self.where}

    def __str__(self) -> str:
        return f"{self.kind} {self.name} (id {self.id}) at {self.where}"


@dataclass(frozen=True)
class Planned:
    """A resource that the program makes, or was about to make when it was cut off."""

    urn: str
    inputs: Mapping[str, Any]
    parent: str = ""
    """URN of its component."""
    provider: str = ""
    """URN of its provider."""
    protect: bool = False

    @property
    def type(self) -> str:
        """The type's token."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]


def type_of(urn: str) -> str:
    """The type's token: in a URN, the types of all parents stand before it."""
    return urn.split("::", 3)[2].rpartition("$")[2]
