"""What tells one stack's resources from another's: labels at Hetzner, comments on DNS records at Cloudflare."""

import hashlib
from collections.abc import Mapping

COMMENT_LIMIT = 100
"""Characters that Cloudflare keeps of a record's comment on every plan."""

MANAGED = "Managed by Pulumi: "


def stack_labels(project: str, stack: str) -> dict[str, str]:
    """The labels that each resource of a stack carries."""
    return {"managed-by": "pulumi", "project": project, "stack": stack}


def label_selector(labels: Mapping[str, str]) -> str:
    """The selector of all resources with these labels. Firewalls find their server by it."""
    return ",".join(f"{label}={value}" for label, value in sorted(labels.items()))


def owner_of(host_public_key: str) -> str:
    """The mark of a stack that was given none: 16 hexadecimal digits made from its server's SSH host key."""
    return hashlib.sha256(host_public_key.encode()).hexdigest()[:16]


def owner_comment(project: str, stack: str, owner: str) -> str:
    """The comment on each DNS record of a stack, at most 100 characters; `owner` at its end marks the stack's own."""
    who = f"{project}/{stack}"[: COMMENT_LIMIT - len(f"{MANAGED} {owner}")]
    return f"{MANAGED}{who} {owner}"


def earlier_comment(project: str, stack: str) -> str:
    """The comment that marked a stack's records before stacks had an owner id."""
    return f"{MANAGED}{project}/{stack}"
