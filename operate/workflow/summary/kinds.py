"""What a resource is called in plain words."""

import re

from operate.workflow.summary.changes import UNKNOWN, Change

DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
PRIMARY_IP = "hcloud:index/primaryIp:PrimaryIp"
RDNS = "hcloud:index/rdns:Rdns"
VOLUME = "hcloud:index/volume:Volume"
VOLUME_ATTACHMENT = "hcloud:index/volumeAttachment:VolumeAttachment"
CONTAINER = "docker:index/container:Container"
COMMAND = "command:remote:Command"
ZONE_DNSSEC = "cloudflare:index/zoneDnssec:ZoneDnssec"

WORDS = {
    "hcloud:index/server:Server": "server",
    PRIMARY_IP: "primary address",
    RDNS: "PTR record",
    VOLUME: "volume",
    VOLUME_ATTACHMENT: "volume attachment",
    "hcloud:index/firewall:Firewall": "cloud firewall",
    "hcloud:index/sshKey:SshKey": "SSH key",
    ZONE_DNSSEC: "signing of the zone",
    "cloudflare:index/workersScript:WorkersScript": "Worker",
    "cloudflare:index/workersCustomDomain:WorkersCustomDomain": "host of the Worker",
    "docker:index/remoteImage:RemoteImage": "container image",
    CONTAINER: "container",
    COMMAND: "remote command",
    "command:remote:CopyToRemote": "script on the server",
}


PURPOSES = {"tls-reports": "TLSRPT"}
"""What is called otherwise than in the names of resources."""


def kind(change: Change) -> str:
    """The resource's kind, for example "volume" or "MX record"."""
    if change.type == DNS_RECORD:
        return f"{_purpose(change) or change.inputs.get('type', 'DNS')} record"
    if change.type.startswith("pulumi:providers:"):
        return "provider"
    return WORDS.get(change.type, change.type.rpartition(":")[2])


def title(change: Change) -> str:
    """The resource's name as a person knows it: for a DNS record its domain name, if known by now."""
    if change.type == DNS_RECORD and change.inputs.get("name") not in (None, UNKNOWN):
        return str(change.inputs["name"])
    return change.name


def _purpose(change: Change) -> str | None:
    """What a TXT record is for; the program names its resources so, since the text may not be known yet."""
    if change.inputs.get("type") != "TXT":
        return None
    named = re.search(r"-(spf|dmarc|dkim|mta-sts|tls-reports|bimi)(-\d+)?$", change.name)
    return PURPOSES.get(named[1], named[1].upper()) if named else None


def is_dkim_record(change: Change) -> bool:
    """Whether it is a DKIM key's record (RFC 6376, section 3.6.2.1), whose name may not be known yet."""
    return "._domainkey." in str(change.inputs.get("name", "")) or _purpose(change) == "DKIM"
