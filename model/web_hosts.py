"""The hosts that a Worker at Cloudflare serves for the mail domains, so that they answer while the server does not."""

from collections.abc import Iterator

from model.mta_sts import LABEL
from model.settings import MailDomainSettings, Settings

RIGHTS = "Workers Scripts: Edit (of the account) and Workers Routes: Edit (of the zones)"
"""What Cloudflare's token has to be allowed for that."""

AUTOCONFIG, AUTODISCOVER = "autoconfig", "autodiscover"
"""Where Thunderbird and Apple's programs, and Outlook, look for settings."""


def web_hosts(domain: MailDomainSettings, settings: Settings) -> Iterator[str]:
    """Those of one domain."""
    if settings.mta_sts_mode(domain):
        yield f"{LABEL}.{domain.name}"
    if settings.client_setup and domain.has_mailboxes:
        yield f"{AUTOCONFIG}.{domain.name}"
        yield f"{AUTODISCOVER}.{domain.name}"


def worker_name(project: str, settings: Settings) -> str:
    """What the Worker is called in its account: a name of the stack's own, and the same should it be renamed."""
    return f"{project}-{settings.owner}"
