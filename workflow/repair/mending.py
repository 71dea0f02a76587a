"""Brings the state in line with the clouds. Nothing at the clouds is changed."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflow.repair.finding import Finding
from workflow.repair.matching import Pair, import_file, pairs
from workflow.repair.state import Step, forget_pending, plan, pulumi
from workflow.repair.things import Planned, RepairError, Thing

MAKING = ("create", "create-replacement")
LOSING = ("delete", "delete-replaced")


@dataclass
class Outcome:
    """What became of it."""

    imported: list[Pair] = field(default_factory=list)
    left: Sequence[Thing] = ()
    """What is no resource of the program, or there once too often."""
    next: Counter[str] = field(default_factory=Counter)
    """How many resources the next deploy will create, update and so on."""

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "imported": [thing.json() | {"urn": want.urn} for want, thing in self.imported],
            "left": [thing.json() for thing in self.left],
            "next": dict(self.next),
        }

    def __str__(self) -> str:
        lines = [f"{len(self.imported)} imported."] if self.imported else []
        for thing in self.left:
            lines.append(
                f"Left as it is: {thing}. The program has no such resource, or has one already; look at it there."
            )
        doing = ", ".join(f"{operation} {count}" for operation, count in sorted(self.next.items()))
        return "\n".join([*lines, f"The next deploy makes nothing twice. It will: {doing or 'do nothing'}."])


def mend(look: Callable[[], Finding], say: Callable[[str], None]) -> Outcome:
    """Take out of the state what is gone, and import what is unknown to it. Raises RepairError."""
    found = look()
    stack = found.state.stack
    if found.hetzner.wait(found.unknown, say):
        found = look()
    if found.doubtful:
        say(f"reading {len(found.doubtful)} of the state's resources anew")
        targets = [part for urn in found.doubtful for part in ("--target", urn)]
        pulumi("refresh", "--yes", "--skip-preview", "--stack", stack, *targets)
        found = look()
    outcome = Outcome(left=found.unknown)
    _import(found, found.planned(), outcome, say)
    if outcome.left:
        # After a lost state only the program knows; it does not refuse any more, now that its records are known.
        _import(found, list(_to_make(plan(stack))), outcome, say)
    if found.state.pending:
        forget_pending(stack)
    outcome.next = _checked(stack, [thing for _want, thing in outcome.imported])
    return outcome


def _to_make(steps: Sequence[Step]) -> Iterator[Planned]:
    return (step.resource for step in steps if step.operation in MAKING)


def _import(found: Finding, wanted: Sequence[Planned], outcome: Outcome, say: Callable[[str], None]) -> None:
    """Import what is wanted and there already."""
    new = pairs(wanted, outcome.left, found.state.urns)
    for protect in (True, False):
        # What one command imports is either protected or not.
        alike = [pair for pair in new if pair[0].protect is protect]
        if alike:
            for _want, thing in alike:
                say(f"importing {thing}")
            flags = ("--yes", "--skip-preview", "--generate-code=false", f"--protect={str(protect).lower()}")
            content = json.dumps(import_file(alike, found.state.urns))
            pulumi("import", "--stack", found.state.stack, "--file", "/dev/stdin", *flags, stdin=content)
    outcome.imported += new
    outcome.left = [thing for thing in outcome.left if all(thing is not known for _want, known in new)]


def _checked(stack: str, imported: Sequence[Thing]) -> Counter[str]:
    """What the next deploy does, which must neither make nor delete what was imported."""
    try:
        steps = plan(stack)
    except RepairError as error:
        told = "the state was mended, but it cannot be seen what the next deploy does"
        raise RepairError(f"{told}: {error}") from None
    again = [want.urn for want, _thing in pairs(_to_make(steps), imported, ())]
    known = {(thing.type, thing.id) for thing in imported}
    lost = [step.resource.urn for step in steps if step.operation in LOSING and (step.resource.type, step.id) in known]
    if again or lost:
        raise RepairError(
            "the next deploy would make or delete what is there. Look at a preview before you deploy: "
            + ", ".join(again + lost)
        )
    return Counter(step.operation for step in steps if step.operation != "same")
