"""The hosts that a Worker at Cloudflare serves for the mail domains, so that they answer while the server does not."""

from collections.abc import Iterable, Iterator

from model.mta_sts import LABEL
from model.settings import MailDomainSettings, Settings
from model.stack_state import Held

RIGHTS = "Workers Scripts: Edit (of the account) and Workers Routes: Edit (of the zones)"
"""What Cloudflare's token has to be allowed for that."""

WORKERS_SCRIPT = "cloudflare:index/workersScript:WorkersScript"

AUTOCONFIG, AUTODISCOVER = "autoconfig", "autodiscover"
"""Where Thunderbird and Apple's programs, and Outlook, look for settings."""


def web_hosts(domain: MailDomainSettings, settings: Settings) -> Iterator[str]:
    """Those of one domain."""
    if settings.mta_sts_mode(domain):
        yield f"{LABEL}.{domain.name}"
    if settings.client_setup and domain.has_mailboxes:
        yield f"{AUTOCONFIG}.{domain.name}"
        yield f"{AUTODISCOVER}.{domain.name}"


def worker_name(project: str, settings: Settings, state: Iterable[Held] = ()) -> str:
    """What the Worker is called in its account: as it is in the state, else by the stack's own mark.

    With another name it would be another one, and its hosts be away until Cloudflare has certificates for them again.
    """
    there = (str(held.outputs["scriptName"]) for held in state if held.type == WORKERS_SCRIPT)
    return next(there, f"{project}-{settings.owner}")
