"""What tells one stack's resources from another's: labels at Hetzner, comments on DNS records at Cloudflare."""

import re
from collections.abc import Iterator, Mapping

from model.values import IMAGE

LONGEST = 63
"""Characters of a label's value and of a part of a host name."""
PART = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
LONGEST_ENDING = len("-ipv4")
"""Of the names that the program makes from project and stack."""

COMMENT_LIMIT = 100
"""Characters that Cloudflare keeps of a record's comment on every plan."""

MANAGED = "Managed by Pulumi: "

HOST_KEY, REVISION, POSTE = "host-key", "revision", "poste"
"""Further labels: of the server, with which host key and at which revision it was made; of the mail firewall, which
version of Poste was up when it was last changed."""


def unusable_names(project: str, stack: str) -> Iterator[str]:
    """Why Hetzner would refuse what is named after a project and a stack; nothing if it would not.

    A server's name is a host name (RFC 1123, section 2.1), and Pulumi takes more characters than that for a stack's.
    The name of the project and the stack together is the server's.
    """
    for kind, name, way in (
        ("project", project, "Change it in Pulumi.yaml"),
        ("stack", stack, f"Change it with: pulumi stack rename NAME --stack {stack}"),
    ):
        if not re.fullmatch(rf"{PART}(\.{PART})*", name):
            yield (
                f'{kind}: "{name}": cannot be part of a server\'s name. Expected letters, digits, and hyphens or dots '
                f"between them, for example prod-eu. {way}"
            )
    over = len(f"{project}-{stack}") + LONGEST_ENDING - LONGEST
    if over > 0:
        yield (
            f'stack: "{stack}": is {over} characters too long for the names at Hetzner. Expected a short one, for '
            f"example prod. Change it with: pulumi stack rename NAME --stack {stack}"
        )


def stack_labels(project: str, stack: str) -> dict[str, str]:
    """The labels that each resource of a stack carries."""
    return {"managed-by": "pulumi", "project": project, "stack": stack}


def label_selector(labels: Mapping[str, str]) -> str:
    """The selector of all resources with these labels. Firewalls find their server by it."""
    return ",".join(f"{label}={value}" for label, value in sorted(labels.items()))


def owner_comment(project: str, stack: str, owner: str) -> str:
    """The comment on each DNS record of a stack, at most 100 characters; `owner` at its end marks the stack's own."""
    who = f"{project}/{stack}"[: COMMENT_LIMIT - len(f"{MANAGED} {owner}")]
    return f"{MANAGED}{who} {owner}"


def earlier_comment(project: str, stack: str) -> str:
    """The comment that marked a stack's records before stacks had an owner id."""
    return f"{MANAGED}{project}/{stack}"


def version_label(image: str) -> str:
    """The image's tag, as far as it fits a label (63 characters, letters or digits at both ends)."""
    match = IMAGE.fullmatch(image)
    return (match["tag"] or "" if match else "")[:LONGEST].strip("_.-")
