"""Brings the state in line with the clouds. Nothing at the clouds is changed."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from operate.errors import OperateError, RepairError
from operate.pulumi_cli import pulumi
from operate.repair.finding import Finding
from operate.repair.matching import Pair, import_file, pairs
from operate.repair.state import forget, forget_pending, plan, put_in_place
from operate.repair.things import Thing

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
        if self.imported:
            doing = ", ".join(f"{operation} {count}" for operation, count in sorted(self.next.items()))
            lines.append(f"The next deploy makes nothing of this twice. It will: {doing or 'change nothing'}.")
        return "\n".join(lines or ["The state is mended. Deploy to go on."])


def mend(found: Finding, look: Callable[[], Finding], say: Callable[[str], None]) -> Outcome:
    """Take out of the state what is gone, and import what is unknown to it. Raises OperateError."""
    stack = found.state.stack
    if found.hetzner.wait(found.unknown, say):
        found = look()
    if lived_on_it := found.lived_on_it:
        say(f"forgetting {len(lived_on_it)} things that were on a server that is gone")
        forget(stack, lived_on_it)
        found = look()
    if found.doubtful:
        say(f"reading {len(found.doubtful)} of the state's resources anew")
        _refresh(stack, found.doubtful)
        found = look()
    outcome = _imported(found, say)
    if found.state.pending:
        forget_pending(stack)
    if outcome.imported:
        outcome.next = _checked(stack, [thing for _want, thing in outcome.imported])
    return outcome


def _imported(found: Finding, say: Callable[[str], None]) -> Outcome:
    """Import what is wanted and there already."""
    stack, unknown = found.state.stack, found.unknown
    new = pairs(found.planned(), unknown, found.state.urns)
    for _want, thing in new:
        say(f"importing {thing}")
    replacing = {want.urn: thing.id for want, thing in new if want.urn in found.state.replaced}
    if replacing:
        put_in_place(stack, replacing)
        _refresh(stack, list(replacing))
    for protect in (True, False):
        # What one command imports is either protected or not.
        alike = [pair for pair in new if pair[0].protect is protect and pair[0].urn not in replacing]
        if alike:
            flags = ("--yes", "--skip-preview", "--generate-code=false", f"--protect={str(protect).lower()}")
            content = json.dumps(import_file(alike, found.state.urns))
            pulumi("import", "--stack", stack, "--file", "/dev/stdin", *flags, stdin=content)
    return Outcome(new, [thing for thing in unknown if all(thing is not known for _want, known in new)])


def _refresh(stack: str, urns: Sequence[str]) -> None:
    targets = [part for urn in urns for part in ("--target", urn)]
    pulumi("refresh", "--yes", "--skip-preview", "--stack", stack, *targets)


def _checked(stack: str, imported: Sequence[Thing]) -> Counter[str]:
    """What the next deploy does, which must neither make nor delete what was imported."""
    try:
        steps = plan(stack)
    except OperateError as error:
        told = "the state was mended, but it cannot be seen what the next deploy does"
        raise RepairError(f"{told}: {error}") from None
    making = (step.resource for step in steps if step.operation in MAKING)
    again = [want.urn for want, _thing in pairs(making, imported, ())]
    known = {(thing.type, thing.id) for thing in imported}
    lost = [step.resource.urn for step in steps if step.operation in LOSING and (step.resource.type, step.id) in known]
    if again or lost:
        raise RepairError(
            "the next deploy would make or delete what is there. Do not deploy before you have looked at a preview; "
            f"`pulumi state delete` forgets what is none of the program's: {', '.join(again + lost)}"
        )
    return Counter(step.operation for step in steps if step.operation != "same")
