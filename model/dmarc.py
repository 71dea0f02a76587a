"""DMARC policies as they are written (RFC 9989)."""

import re

from model.tag_list import tags, twice

POLICIES = ("none", "quarantine", "reject")
VALUES = {
    "p": POLICIES,
    "sp": POLICIES,
    "np": POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "t": ("y", "n"),
    "psd": ("y", "n", "u"),
}
"""What the tags with fixed values may say (RFC 9989, section 4.7)."""
TAGS = ("v", *VALUES, "fo", "rua", "ruf")
"""The tags of that section. It has no pct, rf and ri any more: receivers pass over them."""

READ = re.compile(r"[vV]\s*=\s*DMARC1\s*(;|$)")
"""How a policy begins (RFC 9989, section 4.8); a text that begins otherwise is none."""
MEANT = re.compile(r"\s*v\s*=\s*DMARC1\b", re.IGNORECASE)
"""How a text begins that somebody means as a policy, whether receivers take it for one or not."""


class DmarcError(ValueError):
    """A text is no policy; it says why, as in: has no tag p."""


def parse(text: str) -> dict[str, str]:
    """The tags of a policy, unknown ones too, which everybody ignores. Raises DmarcError."""
    found = tags(text)
    if found[:1] != [("v", "DMARC1")]:
        raise DmarcError("does not begin with v=DMARC1")
    if again := twice(found):
        raise DmarcError(f"has {', '.join(again)} more than once (RFC 6376, section 3.2)")
    values = dict(found)
    if empty := [tag for tag, value in found if not value]:
        raise DmarcError(f"has {', '.join(empty)} without a value")
    if "p" not in values:
        raise DmarcError("has no tag p")
    for tag, allowed in VALUES.items():
        if values.get(tag, allowed[0]).lower() not in allowed:
            raise DmarcError(f"has {tag}={values[tag]}, which is none of {', '.join(allowed)}")
    return values
