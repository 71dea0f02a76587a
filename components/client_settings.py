"""What a mail client is set up with: server, port and security for SMTP, IMAP and POP3, from the port table."""

from collections.abc import Sequence
from typing import TypedDict

from components.ports import Port

PROTOCOLS = {
    "smtp": ("submissions", "submission"),
    "imap": ("imaps", "imap"),
    "pop3": ("pop3s", "pop3"),
    "sieve": ("sieve",),
}


class ClientSetting(TypedDict):
    """One way to reach a mailbox or to send from it; the user name is the whole e-mail address."""

    server: str
    port: int
    security: str


def client_settings(mail_host: str, ports: Sequence[Port]) -> dict[str, list[ClientSetting]]:
    """The open ways for each protocol, the recommended one first (RFC 8314 prefers TLS from the start)."""
    by_service = {port.service: port for port in ports}
    return {
        protocol: [
            {"server": mail_host, "port": by_service[service].number, "security": by_service[service].security}
            for service in services
            if service in by_service
        ]
        for protocol, services in PROTOCOLS.items()
    }
