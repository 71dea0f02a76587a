"""The one port table: cloud firewall, host firewall, container, policy, verification and README derive from it.

The rows are the port table of the Poste guide. (The guide's own iptables line leaves out 587, 995 and 4190; the table
is complete.)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from model.networks import ANYWHERE, collapsed, is_address, is_loopback

Protocol = Literal["tcp", "udp", "icmp"]


@dataclass(frozen=True)
class Port:
    """One row of the table: a TCP port on which Poste serves mail or web clients."""

    number: int
    service: str
    purpose: str
    security: Literal["STARTTLS", "TLS", "none"]
    """How the connection is encrypted: from the first byte (TLS), on request (STARTTLS), or not at all."""
    optional: bool = False
    """Whether a stack may close it: true for what neither mail delivery nor the web interface needs."""


SMTP = Port(25, "smtp", "Receive mail from other mail servers (RFC 5321)", "STARTTLS")
HTTP = Port(80, "http", "Redirect to HTTPS; Let's Encrypt's HTTP-01 challenge", "none")
POP3 = Port(110, "pop3", "Fetch mail by POP3 (RFC 1939)", "STARTTLS", optional=True)
IMAP = Port(143, "imap", "Read mail by IMAP (RFC 9051)", "STARTTLS", optional=True)
HTTPS = Port(443, "https", "Webmail and administration", "TLS")
SUBMISSIONS = Port(465, "submissions", "Send mail from a client, TLS from the start (RFC 8314)", "TLS")
SUBMISSION = Port(587, "submission", "Send mail from a client (RFC 6409)", "STARTTLS")
IMAPS = Port(993, "imaps", "Read mail by IMAP, TLS from the start (RFC 8314)", "TLS")
POP3S = Port(995, "pop3s", "Fetch mail by POP3, TLS from the start (RFC 8314)", "TLS", optional=True)
SIEVE = Port(4190, "sieve", "Edit mail filters from a client by ManageSieve (RFC 5804)", "STARTTLS", optional=True)

TABLE: tuple[Port, ...] = (SMTP, HTTP, POP3, IMAP, HTTPS, SUBMISSIONS, SUBMISSION, IMAPS, POP3S, SIEVE)

OPTIONAL: tuple[int, ...] = tuple(port.number for port in TABLE if port.optional)

SSH = 22
"""Open to the administrators' networks only, hence no row of the table."""

INNER: tuple[int, ...] = (6379, 11332, 11333, 11334, 11380, 11381, 13001)
"""Where Poste's own parts (Redis, Rspamd and others) talk to each other on loopback; nothing else may listen there."""

WEB: tuple[str, ...] = (HTTP.service, HTTPS.service)


@dataclass(frozen=True)
class Egress:
    """One outbound permission: what the server may start connections to."""

    protocol: Protocol
    port: int | None
    """None for ICMP, which has no ports."""
    purpose: str
    destinations: tuple[str, ...] = ANYWHERE
    """Networks in CIDR form."""


EGRESS: tuple[Egress, ...] = (
    Egress("tcp", 22, "SSH to other hosts, e.g. to a backup store"),
    Egress("tcp", 25, "Deliver mail to other mail servers"),
    Egress("tcp", 53, "DNS answers that are too long for UDP (RFC 7766)"),
    Egress("tcp", 80, "System packages; Let's Encrypt"),
    Egress("tcp", 443, "Container image, Let's Encrypt, virus signatures"),
    Egress("tcp", 465, "Deliver through a smart host, TLS from the start"),
    Egress("tcp", 587, "Deliver through a smart host"),
    Egress("udp", 53, "DNS"),
    Egress("udp", 123, "Time (NTP): DKIM signatures and TLS need a true clock"),
    Egress("icmp", None, "Path MTU discovery and diagnosis"),
)

DELIVERY: tuple[Egress, ...] = tuple(rule for rule in EGRESS if rule.protocol == "tcp" and rule.port in (25, 465, 587))
"""The ways out by which mail leaves where no relay is set; they open and close after the server, see MailFirewall."""


def outbound(others: Mapping[str, tuple[str, int] | None], relay: int | None = None) -> list[Egress]:
    """What a stack's server may start connections to.

    `others` names hosts and ports that this stack alone needs, where it needs them, by what they are for; `relay` is
    the port of the relay through which all mail leaves, instead of directly.
    """
    rules = list(EGRESS)
    if relay:
        rules = [rule for rule in EGRESS if rule not in DELIVERY] + [Egress("tcp", relay, "The relay for all mail")]
    listed = {rule.port for rule in rules if rule.protocol == "tcp"}
    for purpose, target in others.items():
        if target is None or is_loopback(target[0]) or target[1] in listed:
            continue
        host, port = target
        rules.append(Egress("tcp", port, purpose, collapsed([host]) if is_address(host) else ANYWHERE))
    return rules


def open_ports(optional: Collection[int], http: int = HTTP.number, https: int = HTTPS.number) -> Sequence[Port]:
    """The rows that a stack opens.

    `optional` names the optional ports that stay open; `http` and `https` are the numbers on which Poste serves the web
    (its HTTP_PORT and HTTPS_PORT switches).
    """
    numbers = {HTTP.service: http, HTTPS.service: https}
    return [
        replace(port, number=numbers.get(port.service, port.number))
        for port in TABLE
        if not port.optional or port.number in optional
    ]
