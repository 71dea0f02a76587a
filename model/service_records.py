"""SRV records by which mail programs find the servers of a domain (RFC 6186, RFC 8314), derived from the open ports."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from model.ports import IMAP, IMAPS, POP3, POP3S, SIEVE, SUBMISSION, SUBMISSIONS, Port

PREFERENCE: Mapping[Port, int] = {IMAPS: 0, SUBMISSIONS: 0, SUBMISSION: 10, IMAP: 10, POP3S: 20, POP3: 30, SIEVE: 0}
"""The priority of each, the lower the better: TLS from the start before STARTTLS, IMAP before POP3 (RFC 6186, 3.4)."""

NOWHERE = "."
"""The target that says that a service is not offered (RFC 2782)."""


@dataclass(frozen=True)
class Service:
    """One SRV record's service and value."""

    name: str
    priority: int
    port: int
    target: str

    @property
    def record_name(self) -> str:
        """What stands before the domain."""
        return f"_{self.name}._tcp"

    @property
    def data(self) -> dict[str, int | str]:
        """The record's fields as Cloudflare takes them."""
        weight = 0 if self.target == NOWHERE else 1
        return {"priority": self.priority, "weight": weight, "port": self.port, "target": self.target}

    @property
    def content(self) -> str:
        """The record as Cloudflare shows it, beside the priority."""
        return f"{self.data['weight']} {self.port} {self.target}"


def services(mail_host: str, ports: Collection[Port]) -> Iterator[Service]:
    """The services of a mail host whose `ports` are open: a record each, also for those that are not offered.

    Of ManageSieve (RFC 5804, section 1.8) there is none where it is closed, since no client looks for it unasked.
    """
    for port, priority in PREFERENCE.items():
        if port in ports:
            yield Service(port.service, priority, port.number, mail_host)
        elif port is not SIEVE:
            yield Service(port.service, 0, 0, NOWHERE)
