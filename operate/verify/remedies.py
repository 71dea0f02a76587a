"""What heals, as commands for the stack at hand: each in the place where it works, and only there.

A plain `up` compares the program with what it remembers. It carries out what is new in the configuration or the
program, and sees nothing of what was changed by hand. `up --refresh` looks first, at Hetzner, Cloudflare and Docker, so
it heals what was changed there. Neither looks at what the scripts did on the server: raising `rerun` makes the next
`up` run all of them again.
"""

from dataclasses import replace

from operate.verify.result import Result
from operate.verify.stack import Stack

UP = "{up}"
"""Heals what the configuration says and has not been deployed yet."""
REFRESH = "{refresh}"
"""Heals what was changed by hand at Hetzner or Cloudflare, and a container that is gone or another."""
RERUN = "{rerun}"
"""Heals what was changed by hand on the server or in Poste: scripts run again and mend it."""
ADDRESS = "{address}"
"""The server's IPv4 address."""
HOST = "{host}"
"""The mail host's name."""
NAME = "{stack}"
"""The stack's name."""

FIX = f"./run mail verify --stack {NAME} --fix mends it without risk."
"""Heals a few things at once, and touches nothing else."""


def filled(result: Result, stack: Stack) -> Result:
    """A result whose advice names the stack's commands and addresses."""
    words = {
        UP: f"pulumi up --stack {stack.name}",
        REFRESH: f"pulumi up --refresh --stack {stack.name}",
        RERUN: f"pulumi config set rerun {stack.settings.rerun + 1} --stack {stack.name}, then "
        f"pulumi up --stack {stack.name}",
        ADDRESS: stack.ipv4,
        HOST: stack.mail_host,
        NAME: stack.name,
    }

    def spoken(text: str) -> str:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    check, finding = result.check, result.finding
    advice = f"{FIX} Else: {finding.remedy or check.remedy}" if finding.mends else finding.remedy
    return replace(
        result,
        check=replace(check, remedy=spoken(check.remedy)),
        finding=replace(finding, remedy=spoken(advice)),
    )
