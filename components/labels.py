"""Labels of everything at Hetzner, which tell one stack's resources from another's in the same project."""

from collections.abc import Mapping


def stack_labels(project: str, stack: str) -> dict[str, str]:
    """The labels that each resource of a stack carries."""
    return {"managed-by": "pulumi", "project": project, "stack": stack}


def label_selector(labels: Mapping[str, str]) -> str:
    """The selector of all resources with these labels. Firewalls find their server by it."""
    return ",".join(f"{label}={value}" for label, value in sorted(labels.items()))


def owner_comment(project: str, stack: str) -> str:
    """The comment on each DNS record of a stack: what tells its records from foreign ones. At most 100 characters."""
    return f"Managed by Pulumi: {project}/{stack}"
