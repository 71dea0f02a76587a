"""Apple's configuration profile for a mailbox (.mobileconfig), for iOS, iPadOS and macOS.

Follows https://developer.apple.com/documentation/devicemanagement/mail. The device asks for the password.
"""

import plistlib
import uuid
from collections.abc import Callable

from model.client_account import Account


def mobileconfig(account: Account) -> bytes:
    """The profile of one mailbox. The same mailbox gives the same profile, so a new one replaces the old."""
    identifier = ".".join(reversed(account.domain.split("."))) + ".mail." + account.address.partition("@")[0]
    return profile(account, identifier, lambda name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)).upper())


def profile(account: Account, identifier: str, uuid_of: Callable[[str], str]) -> bytes:
    """The profile under an identifier; `uuid_of` gives each of its parts, by name, an identifier of its own."""
    incoming, outgoing = account.receiving, account.sending
    mail = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.account",
        "PayloadUUID": uuid_of(f"{identifier}.account"),
        "PayloadDisplayName": account.address,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": account.domain,
        "EmailAddress": account.address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": incoming.server,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": account.address,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": outgoing.server,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": account.address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": uuid_of(identifier),
        "PayloadDisplayName": f"Mail {account.address}",
        "PayloadContent": [mail],
    }
    return plistlib.dumps(profile)
