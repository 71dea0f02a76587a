"""Which unknown thing is which of the program's resources, as pure functions."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from operate.repair.things import Planned, Thing
from operate.workflow.summary.changes import UNKNOWN

Pair = tuple[Planned, Thing]


def pairs(wanted: Iterable[Planned], things: Sequence[Thing], taken: Collection[str]) -> list[Pair]:
    """Each wanted resource that is there already, with the thing that it is; none twice.

    `taken` are the URNs that the state has: what is there under such a URN is another thing, made once too often.
    """
    free = list(things)
    found = []
    for want in wanted:
        fitting = [] if want.urn in taken else [thing for thing in free if fits(want, thing)]
        if fitting:
            # Of two that are alike, the one with the right content needs no change.
            best = max(fitting, key=lambda thing: thing.content == want.inputs.get("content"))
            free.remove(best)
            found.append((want, best))
    return found


def fits(want: Planned, thing: Thing) -> bool:
    """Whether a thing can be what the program wants: the same type, and all by which it is known."""
    return want.type == thing.type and all(
        _text(want.inputs.get(key)) in (value, UNKNOWN) for key, value in thing.marks.items()
    )


def import_file(found: Iterable[Pair], state: Collection[str]) -> dict[str, Any]:
    """What `pulumi import --file` wants to know: https://www.pulumi.com/docs/iac/adopting-pulumi/import/.

    Names in it are URNs, which are never ambiguous. A parent or provider that the state lacks is left out: the program
    finds its child at the root of the stack as well, and the stack's configuration makes the same provider.
    """
    table: dict[str, str] = {}
    resources = []
    for want, thing in found:
        entry = {"type": want.type, "name": want.urn, "logicalName": want.name, "id": thing.import_id or thing.id}
        for role, urn in (("parent", want.parent), ("provider", want.provider)):
            if urn in state:
                entry[role] = table[urn] = urn
        resources.append(entry)
    return {"nameTable": table, "resources": resources}


def _text(value: Any) -> str:
    """An input as text; the state keeps whole numbers as floating ones."""
    return str(int(value)) if isinstance(value, float) else str(value)
