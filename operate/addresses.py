"""What is shown where anybody may look, such as a published page or an issue, has no mailbox's address in it."""

import re
from typing import Any

WORD = r"""[^\s@<>"'`(),;:=/]+"""
ADDRESS = re.compile(rf"""(?:"[^"]*"|{WORD}(?:'{WORD})*)@(?!sha256:)(?=[\w\[])""")
"""The local part of a mailbox's address, be it before a whole domain or what was left of one; no image's digest."""


def without_mailboxes(value: Any) -> Any:
    """A text in which only the domains of addresses are left: whoever sees it learns nobody's address.

    What has been made HTML already is left alone.
    """
    return ADDRESS.sub("…@", value) if isinstance(value, str) and not hasattr(value, "__html__") else value
