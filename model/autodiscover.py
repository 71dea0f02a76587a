"""Outlook's answer to "which servers has this mailbox?", as plain old XML (POX).

Follows https://learn.microsoft.com/exchange/client-developer/web-service-reference/pox-autodiscover-response-for-exchange
for accounts of the type email, which have no Exchange.
"""

from xml.etree import ElementTree as ET

from model.client_account import Account, Way

ENVELOPE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
SETTINGS = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

ENCRYPTION = {"TLS": "SSL", "STARTTLS": "TLS"}
"""What Outlook calls the way a connection is encrypted."""


def autodiscover(account: Account) -> str:
    """The answer for a mailbox: the recommended way of each protocol, in the order in which Outlook is to try them."""
    root = ET.Element("Autodiscover", xmlns=ENVELOPE)
    response = ET.SubElement(root, "Response", xmlns=SETTINGS)
    ET.SubElement(ET.SubElement(response, "User"), "DisplayName").text = account.address
    body = ET.SubElement(response, "Account")
    for tag, text in (("AccountType", "email"), ("Action", "settings")):
        ET.SubElement(body, tag).text = text
    for protocol in ("imap", "pop3", "smtp"):
        for way in account.by(protocol)[:1]:
            _protocol(body, way, account.address)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _protocol(parent: ET.Element, way: Way, address: str) -> None:
    element = ET.SubElement(parent, "Protocol")
    described = {
        "Type": way.protocol.upper(),
        "Server": way.server,
        "Port": str(way.port),
        "LoginName": address,
        "DomainRequired": "off",
        "SPA": "off",
        "SSL": "on",
        # Encryption says it more exactly, and stands in SSL's place where it is known.
        "Encryption": ENCRYPTION[way.security],
        "AuthRequired": "on",
    }
    if way.protocol == "smtp":
        described |= {"UsePOPAuth": "off", "SMTPLast": "off"}
    for tag, text in described.items():
        ET.SubElement(element, tag).text = text
