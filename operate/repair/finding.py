"""Where a stack's state and the clouds disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

from operate.repair.dns import Dns
from operate.repair.hetzner import Hetzner
from operate.repair.state import Json, State
from operate.repair.things import KINDS, SERVER, Planned, Thing, type_of


@dataclass(frozen=True)
class Finding:
    """One look at a stack from both sides."""

    project: str
    state: State
    hetzner: Hetzner
    dns: Dns

    @property
    def unknown(self) -> list[Thing]:
        """What carries the stack's label or comment and is not in its state."""
        marked = [*self.hetzner.things(), *self.dns.things()]
        return [thing for thing in marked if not self.state.knows(thing.type, thing.id)]

    @property
    def gone(self) -> list[Json]:
        """Resources of the state that the clouds do not have, or not as the state says."""
        return [entry for entry in self.state.there if self.hetzner.lacks(entry) or self.dns.lacks(entry)]

    @property
    def lived_on_it(self) -> set[str]:
        """URNs of what was on servers that are gone: nothing can be undone there any more."""
        servers = {resource["urn"] for resource in self.gone if resource["type"] == SERVER}
        return {entry["urn"] for entry in self.state.resources if entry.get("deletedWith") in servers}

    def planned(self) -> list[Planned]:
        """The program's resources of which is known that they are there, or may be.

        What was cut off is noted down just as the program asked for it. After a lost state there is no such note, and
        the program does not tell either, because it refuses to make anything twice.
        """
        project, stack = self.project, self.state.stack
        hetzner = self.hetzner.planned(project, stack, self.dns.settings)
        return [*self.state.begun(), *hetzner, *self.dns.planned(project, stack)]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to repair."""
        return not (self.unknown or self.gone or self.state.pending)

    @property
    def doubtful(self) -> list[str]:
        """URNs of the resources of which the state has to be read from the clouds anew."""
        begun = [pending["resource"]["urn"] for pending in self.state.pending if pending["type"] != "creating"]
        changed = [urn for urn in begun if urn in self.state.urns and type_of(urn) in KINDS]
        return list(dict.fromkeys([*(resource["urn"] for resource in self.gone), *changed]))

    def json(self) -> dict[str, Sequence[dict[str, str]]]:
        """The same for programs."""
        return {
            "unknown": [thing.json() for thing in self.unknown],
            "gone": [{"urn": resource["urn"], "id": resource["id"]} for resource in self.gone],
            "interrupted": [{"urn": entry["resource"]["urn"], "was": entry["type"]} for entry in self.state.pending],
        }

    def __str__(self) -> str:
        if self.is_clean:
            return f"Stack {self.state.stack}: state and clouds agree."
        blocks = (
            ("at the clouds and not in the state", map(str, self.unknown)),
            ("in the state, but gone or changed at the clouds", (_known(resource) for resource in self.gone)),
            ("begun by a deploy that was cut off", (_begun(pending) for pending in self.state.pending)),
        )
        told = [(heading, list(entries)) for heading, entries in blocks]
        lines = [f"Stack {self.state.stack}: state and clouds disagree."]
        for heading, entries in told:
            if entries:
                lines += [f"{len(entries)} {heading}:", *(f"  {entry}" for entry in entries)]
        return "\n".join(lines)


def _known(resource: Json) -> str:
    urn = resource["urn"]
    return f"{KINDS[type_of(urn)]} {urn.rpartition('::')[2]} (id {resource['id']})"


def _begun(pending: Json) -> str:
    urn = pending["resource"]["urn"]
    kind = type_of(urn)
    return f"{pending['type']} {KINDS.get(kind, kind.rpartition(':')[2])} {urn.rpartition('::')[2]}"
