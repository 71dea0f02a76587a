"""The script of the Worker that hands out MTA-STS policies and what mail programs set themselves up with.

It knows a domain by the host it is asked for, so the same script serves any number of domains: what differs between
their answers are places in a text, which it fills in.
"""

import json
from pathlib import Path

from model.autoconfig import autoconfig
from model.autodiscover import autodiscover
from model.client_account import account
from model.client_settings import client_settings
from model.mobileconfig import profile
from model.mta_sts import policy
from model.settings import Settings

SOURCE = Path(__file__).with_name("worker.js")
MAIN_MODULE = "worker.js"
COMPATIBILITY_DATE = "2026-11-01"
"""The state of the runtime that the script was written for (https://developers.cloudflare.com/workers/configuration/)."""

DOMAIN, LOCAL, IDENTIFIER = "{{domain}}", "{{local}}", "{{identifier}}"
"""Places in the texts: the mailbox's domain, what stands before it, and the name of an Apple profile."""


def script(settings: Settings) -> str:
    """The whole script, which has no secret in it and changes with the mail host, the ports and the policies only."""
    mailbox = account(f"{LOCAL}@{DOMAIN}", client_settings(settings.mail_host, settings.ports))
    apple = profile(mailbox, IDENTIFIER, lambda name: f"{{{{uuid{name.removeprefix(IDENTIFIER)}}}}}").decode()
    modes = {domain.name: mode for domain in settings.domains if (mode := settings.mta_sts_mode(domain))}
    texts = {
        "policies": {mode: policy(mode, settings.certificate_names) for mode in sorted(set(modes.values()))},
        # Most domains have the stack's own mode, and one more of these changes nothing here.
        "mode": settings.mta_sts,
        "modes": {domain: mode for domain, mode in modes.items() if mode != settings.mta_sts},
        "autoconfig": autoconfig(mailbox),
        "autodiscover": autodiscover(mailbox),
        "apple": apple,
    }
    return f"const TEXTS = {json.dumps(texts, indent=1)};\n\n{SOURCE.read_text()}"
