"""Thunderbird's autoconfig file, format 1.1 (https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat).

Served at https://autoconfig.<domain>/mail/config-v1.1.xml or put into Thunderbird's isp folder as <domain>.xml.
"""

from xml.etree import ElementTree as ET

from model.client_account import Account, Way

SOCKETS = {"TLS": "SSL", "STARTTLS": "STARTTLS"}


def autoconfig(account: Account) -> str:
    """The file for a mailbox's domain; the address itself is a placeholder, so it serves all its mailboxes."""
    root = ET.Element("clientConfig", version="1.1")
    provider = ET.SubElement(root, "emailProvider", id=account.domain)
    for tag, text in (
        ("domain", account.domain),
        ("displayName", account.domain),
        ("displayShortName", account.domain),
    ):
        ET.SubElement(provider, tag).text = text
    for way in [*account.by("imap"), *account.by("pop3")]:
        _server(provider, "incomingServer", way)
    for way in account.by("smtp"):
        _server(provider, "outgoingServer", way)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _server(parent: ET.Element, tag: str, way: Way) -> None:
    server = ET.SubElement(parent, tag, type=way.protocol)
    for name, text in (
        ("hostname", way.server),
        ("port", str(way.port)),
        ("socketType", SOCKETS[way.security]),
        ("username", "%EMAILADDRESS%"),
        ("authentication", "password-cleartext"),  # inside TLS
    ):
        ET.SubElement(server, name).text = text
