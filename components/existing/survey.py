"""The Hetzner project, before anything in it is made or changed."""

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_hcloud as hcloud

from components.existing.questions import ask
from model.impossible_changes import impossible_changes, lost
from model.settings import Settings
from model.stack_state import Held
from model.survey import Survey


def look(
    labels: Mapping[str, str], state: Iterable[Held], provider: hcloud.Provider, *, storage_boxes: bool = False
) -> Survey:
    """Ask Hetzner what there is in the project; `labels` are those that mark what is this stack's.

    `storage_boxes` is whether to ask for them, too, by an API of their own.
    """
    options = pulumi.InvokeOptions(provider=provider)
    about = "Hetzner does not answer with the project's resources (is hcloud:token right?)"
    return Survey(
        labels=labels,
        known={(held.type.rpartition(":")[2], str(held.outputs.get("id"))) for held in state},
        servers=ask(about, lambda: hcloud.get_servers(opts=options)).servers or (),
        volumes=ask(about, lambda: hcloud.get_volumes(opts=options)).volumes,
        primary_ips=ask(about, lambda: hcloud.get_primary_ips(opts=options)).primary_ips,
        ssh_keys=ask(about, lambda: hcloud.get_ssh_keys(opts=options)).ssh_keys,
        firewalls=ask(about, lambda: hcloud.get_firewalls(opts=options)).firewalls or (),
        storage_boxes=ask(about, lambda: hcloud.get_storage_boxes(opts=options)).storage_boxes if storage_boxes else (),
    )


def refuse_impossible_changes(survey: Survey, settings: Settings) -> None:
    """Raises pulumi.RunError with a line for each change that cannot be made."""
    stack = pulumi.get_stack()
    refused = [f"  {sentence}." for sentence in (*impossible_changes(survey, settings), *lost(survey, stack))]
    if refused:
        said = f"What runs as stack {stack} cannot be changed so. Nothing was changed."
        raise pulumi.RunError("\n".join([said, *refused]))
