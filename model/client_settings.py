"""Where people and their mail programs find the server: web addresses, and server, port and security per protocol."""

from collections.abc import Sequence
from typing import TypedDict

from model.ports import HTTP, HTTPS, Port
from model.settings import Settings

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


def web_addresses(settings: Settings) -> dict[str, str]:
    """The addresses of Poste's administration ("admin") and, unless it is turned off, webmail ("webmail").

    With a reverse proxy in front they are what the proxy calls; under which name people see it is known to it alone.
    """
    scheme, number, usual = (
        ("https", settings.https_port, HTTPS) if settings.https else ("http", settings.http_port, HTTP)
    )
    base = f"{scheme}://{settings.mail_host}{'' if number == usual.number else f':{number}'}"
    return ({} if settings.disable_roundcube else {"webmail": f"{base}/webmail/"}) | {"admin": f"{base}/admin/"}
