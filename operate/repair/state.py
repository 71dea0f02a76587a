"""A stack's state and its program's plan, read with the Pulumi CLI."""

import json
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operate.errors import RepairError
from operate.pulumi_cli import pulumi
from operate.repair.things import Planned

Json = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """What the last operation wrote down."""

    stack: str
    resources: Sequence[Json]
    pending: Sequence[Json]
    """Operations that were begun and of which nobody knows how they ended."""

    @property
    def there(self) -> list[Json]:
        """The resources that are there: neither to be deleted nor deleted already to be replaced."""
        return [entry for entry in self.resources if not (entry.get("delete") or entry.get("pendingReplacement"))]

    @property
    def urns(self) -> set[str]:
        """The URNs of the resources that are there."""
        return {resource["urn"] for resource in self.there}

    @property
    def replaced(self) -> set[str]:
        """The URNs of resources that are deleted already, and whose replacement is still to come."""
        return {resource["urn"] for resource in self.resources if resource.get("pendingReplacement")}

    def knows(self, kind: str, identifier: str) -> bool:
        """Whether a thing is in the state already, under whatever name."""
        known = (resource for resource in self.resources if not resource.get("pendingReplacement"))
        return any(resource["type"] == kind and resource.get("id") == identifier for resource in known)

    def begun(self) -> Iterator[Planned]:
        """The resources whose making was cut off; of several tries of one the last."""
        tries = {pending["resource"]["urn"]: pending for pending in self.pending if pending["type"] == "creating"}
        for pending in tries.values():
            yield _planned(pending["resource"])


def read_state(stack: str) -> State:
    """The stack's state. Raises PulumiError if it cannot be read."""
    deployment = json.loads(pulumi("stack", "export", "--stack", stack))["deployment"]
    return State(stack, deployment.get("resources") or (), deployment.get("pending_operations") or ())


def forget_pending(stack: str) -> None:
    """Strike out the operations that were cut off: what came of each is in the state by now."""
    exported = json.loads(pulumi("stack", "export", "--stack", stack))
    exported["deployment"].pop("pending_operations", None)
    pulumi("stack", "import", "--stack", stack, stdin=json.dumps(exported))


def forget(stack: str, urns: Collection[str]) -> None:
    """Strike resources out, and out of what others say that they depend on."""
    exported = json.loads(pulumi("stack", "export", "--stack", stack))
    deployment = exported["deployment"]
    deployment["resources"] = [entry for entry in deployment["resources"] if entry["urn"] not in urns]
    for entry in deployment["resources"]:
        if entry.get("deletedWith") in urns:
            del entry["deletedWith"]
        lists = [entry.get("dependencies") or [], *(entry.get("propertyDependencies") or {}).values()]
        for listed in filter(None, lists):
            listed[:] = [urn for urn in listed if urn not in urns]
    pulumi("stack", "import", "--stack", stack, stdin=json.dumps(exported))


@dataclass(frozen=True)
class Step:
    """One step of a preview: what would be done with which resource."""

    operation: str
    resource: Planned
    id: str
    """Of a resource that is there, its identifier in the state."""


def put_in_place(stack: str, identifiers: Mapping[str, str]) -> None:
    """Let things take the place of what they replace, by URN; what they are like is to be read afterwards.

    An import would be refused, because the state keeps what was deleted until its replacement is there.
    """
    exported = json.loads(pulumi("stack", "export", "--stack", stack))
    for resource in exported["deployment"]["resources"]:
        if resource.get("pendingReplacement") and resource["urn"] in identifiers:
            resource["id"] = identifiers[resource["urn"]]
            del resource["pendingReplacement"]
    pulumi("stack", "import", "--stack", stack, stdin=json.dumps(exported))


def plan(stack: str) -> list[Step]:
    """The steps of a preview. Raises RepairError with the program's reasons if it refuses."""
    command = ["pulumi", "preview", "--stack", stack, "--json", "--non-interactive"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RepairError(f"the preview of stack {stack} fails:\n{_reasons(done.stdout) or done.stderr.strip()}")
    steps = json.loads(done.stdout).get("steps") or ()
    return [
        Step(step["op"], _planned(step.get("newState") or step["oldState"]), (step.get("oldState") or {}).get("id", ""))
        for step in steps
    ]


def _planned(resource: Json) -> Planned:
    return Planned(
        resource["urn"],
        resource.get("inputs") or {},
        resource.get("parent") or "",
        (resource.get("provider") or "").rpartition("::")[0],
        bool(resource.get("protect")),
    )


def _reasons(digest: str) -> str:
    """The errors of a preview in its JSON form."""
    try:
        found = json.loads(digest).get("diagnostics") or ()
    except json.JSONDecodeError:
        return ""
    return "\n".join(entry["message"].strip() for entry in found if entry.get("severity") == "error")
