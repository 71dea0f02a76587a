"""Whether a domain may be stricter, by what its reports say."""

from dataclasses import dataclass
from typing import Literal

Safe = Literal["", "quarantine", "reject"]


@dataclass(frozen=True)
class Verdict:
    """How strict the domain's DMARC policy may be."""

    safe: Safe
    """The strictest policy that costs no mail of one's own; empty for none (p=none)."""
    enough: bool
    """Whether the reports say enough to tell; if not, `safe` is empty."""
    reasons: tuple[str, ...]
    """What speaks for it, or against more; each a sentence."""
