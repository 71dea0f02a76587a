"""The questions by which mail programs find their settings, as each asks them, and what the answers mean.

Every answer is read into one line for each way to read or send mail, so that all can be compared with the stack's own.
"""

import json
import plistlib
from collections.abc import Awaitable, Callable, Sequence
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from model.autoconfig import SOCKETS
from model.autodiscover import ENCRYPTION, SETTINGS
from model.client_account import Account, Way
from model.web_hosts import AUTOCONFIG, AUTODISCOVER
from operate.verify.https_page import Page, PageUnreadableError

Ask = Callable[[str, str], Awaitable[Page]]
"""Get the page at an address, or post a text there unless it is empty; raises PageUnreadableError."""
Program = Callable[[Ask, Account], Awaitable[Sequence[str]]]
"""Asks as a mail program does; raises PageUnreadableError for what the program could not use."""

REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
APPLE_TYPE = "application/x-apple-aspen-config"


def shown(way: Way, user: str) -> str:
    """A way in words."""
    return f"{way.protocol} {way.server} {way.port} {way.security} as {user}"


async def thunderbird(ask: Ask, account: Account) -> Sequence[str]:
    """Thunderbird's first question (https://wiki.mozilla.org/Thunderbird:Autoconfiguration)."""
    url = f"https://{AUTOCONFIG}.{account.domain}/mail/config-v1.1.xml?emailaddress={account.address}"
    root = _xml(url, await ask(url, ""))
    securities = {socket: security for security, socket in SOCKETS.items()}
    found = []
    for server in [part for part in root.iter() if part.tag in ("incomingServer", "outgoingServer")]:
        said = {part.tag: part.text or "" for part in server}
        security = securities.get(said.get("socketType", ""), "no encryption")
        user = said.get("username", "").replace("%EMAILADDRESS%", account.address)
        found.append(_way(url, server.get("type", ""), said.get("hostname", ""), said.get("port", ""), security, user))
    return found


def thunderbirds(account: Account) -> Sequence[str]:
    """What the answer to that should be."""
    return [shown(way, account.address) for protocol in ("imap", "pop3", "smtp") for way in account.by(protocol)]


async def outlook(ask: Ask, account: Account) -> Sequence[str]:
    """Outlook asks where to ask, as JSON, and then there (MS-OXDISCO; POX autodiscover request for Exchange)."""
    first = f"https://{AUTODISCOVER}.{account.domain}/autodiscover/autodiscover.json"
    told = f"{first}/v1.0/{account.address}?Protocol=AutodiscoverV1"
    try:
        url = str(json.loads((await ask(told, "")).text)["Url"])
    except (ValueError, LookupError, TypeError):
        raise PageUnreadableError(f"{told} tells no Url") from None
    root = ET.Element("Autodiscover", xmlns=REQUEST)
    request = ET.SubElement(root, "Request")
    ET.SubElement(request, "EMailAddress").text = account.address
    ET.SubElement(request, "AcceptableResponseSchema").text = SETTINGS
    answer = _xml(url, await ask(url, ET.tostring(root, encoding="unicode", xml_declaration=True)))
    securities = {name: security for security, name in ENCRYPTION.items()}
    found = []
    for protocol in answer.iter(f"{{{SETTINGS}}}Protocol"):
        said = {part.tag.rpartition("}")[2]: part.text or "" for part in protocol}
        security = securities.get(said.get("Encryption", ""), "no encryption")
        ways = said.get("Type", "").lower(), said.get("Server", ""), said.get("Port", ""), security
        found.append(_way(url, *ways, said.get("LoginName", "")))
    return found


def outlooks(account: Account) -> Sequence[str]:
    """What the answer to that should be: the recommended way of each protocol."""
    return [shown(way, account.address) for protocol in ("imap", "pop3", "smtp") for way in account.by(protocol)[:1]]


async def apple(ask: Ask, account: Account) -> Sequence[str]:
    """What people open on an iPhone or a Mac (https://developer.apple.com/documentation/devicemanagement/mail)."""
    url = f"https://{AUTOCONFIG}.{account.domain}/apple.mobileconfig?address={account.address}"
    page = await ask(url, "")
    if page.type != APPLE_TYPE:
        raise PageUnreadableError(f"{url} is served as {page.type or 'nothing'}, not as {APPLE_TYPE}")
    try:
        (mail,) = plistlib.loads(page.content)["PayloadContent"]
        return [
            _way(
                url,
                protocol,
                mail[f"{side}MailServerHostName"],
                str(mail[f"{side}MailServerPortNumber"]),
                "TLS" if mail[f"{side}MailServerUseSSL"] else "no encryption",
                mail[f"{side}MailServerUsername"],
            )
            for side, protocol in (("Incoming", "imap"), ("Outgoing", "smtp"))
        ]
    except (ValueError, LookupError, TypeError, ExpatError) as error:
        raise PageUnreadableError(f"{url} is no profile with one mailbox ({error})") from None


def apples(account: Account) -> Sequence[str]:
    """What the profile should say."""
    return [shown(way, account.address) for way in (account.receiving, account.sending)]


def _xml(url: str, page: Page) -> ET.Element:
    try:
        return ET.fromstring(page.content)  # noqa: S314 - expat of today refuses what would fill the memory
    except ET.ParseError as error:
        raise PageUnreadableError(f"{url} is no XML ({error})") from None


def _way(url: str, protocol: str, server: str, port: str, security: str, user: str) -> str:
    if not port.isdecimal():
        raise PageUnreadableError(f"{url} has the port {port or '(none)'}")
    return shown(Way(protocol, server, int(port), security), user)
