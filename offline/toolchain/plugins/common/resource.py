"""What a provider tells the generic engine about each of its resource types and functions.

A resource type is one `ResourceType` row: data that says how it is checked and compared, and an object with the four
operations. Operations work on plain Python values (see `values`) and run in a thread, so they may block.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pulumi.provider.experimental.property_value import PropertyValue

from offline.toolchain.plugins.common.schema import Schema

Values = dict[str, Any]


class ProviderError(Exception):
    """An operation failed; the message is shown to the user as it is, without a traceback."""


class CancelledError(ProviderError):
    """The user interrupted the run, or an operation's deadline has passed."""


class PartialFailureError(ProviderError):
    """The resource exists under `id`, but a later step of its creation failed. Only the generic engine raises this."""

    def __init__(self, id: str, outputs: dict[str, PropertyValue], message: str) -> None:  # noqa: A002  (Pulumi's word)
        super().__init__(message)
        self.id = id
        self.outputs = outputs


@dataclass
class Operation:
    """One create, read, update or delete in progress.

    `name` is the resource's name in the program, `inputs` its checked inputs (of a read or delete, those of the state,
    if any), `state` its recorded outputs, `id` its identifier; of a create, `state` is empty and `id` is "".
    `secrets` are the names of the inputs that hold secrets.
    """

    urn: str
    name: str
    id: str
    inputs: Values
    state: Values
    deadline: float
    cancelled: threading.Event
    secrets: frozenset[str] = frozenset()
    created: tuple[str, Values] | None = None

    def exists(self, id: str, state: Values | None = None) -> None:  # noqa: A002
        """Tell, in the middle of a create, that the resource exists by now: if a later step fails, its id is kept.

        `state` holds the outputs that are known and, for inputs that later steps apply, what they are before that.
        """
        self.created = (id, dict(state or {}))

    def changed(self, name: str) -> bool:
        """Whether an input differs from the recorded state, treating empty values as absent."""
        old, new = self.state.get(name), self.inputs.get(name)
        return old != new and bool(old or new)

    def remaining(self) -> float:
        """Seconds until the deadline; raises if it has passed or the user has interrupted the run."""
        left = self.deadline - time.monotonic()
        if self.cancelled.is_set():
            raise CancelledError("interrupted")
        if left <= 0:
            raise CancelledError("timed out")
        return left

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the deadline; raises as `remaining` does."""
        self.cancelled.wait(min(seconds, self.remaining()))
        self.remaining()


class Operations(Protocol):
    """The four operations on one resource type. `client` is what the provider's `connect` returned."""

    def create(self, client: Any, operation: Operation) -> tuple[str, Values]:
        """Make the resource; returns its id and outputs."""

    def read(self, client: Any, operation: Operation) -> tuple[str, Values] | None:
        """Look the resource up by `operation.id` (which may be an import id); None if it is gone."""

    def update(self, client: Any, operation: Operation) -> Values:
        """Change the resource in place; returns its outputs."""

    def delete(self, client: Any, operation: Operation) -> None:
        """Remove the resource; succeeds if it is already gone."""


def no_problems(_inputs: Values) -> Iterable[tuple[str, str]]:
    """The default cross-field check."""
    return ()


def as_planned(_state: Values, planned: Values) -> Values:
    """The default for `ResourceType.plan`."""
    return planned


@dataclass(frozen=True)
class ResourceType:
    """One resource type. Property names may be dotted (`rules.sourceIps`); a dot goes through lists and objects.

    - `required`: inputs required beyond what the SDK's class requires.
    - `refused`: inputs of the real plugin that the stand-in does not have: only what the state holds already may stay.
    - `autoname`: the input that gets a generated name when absent.
    - `input_defaults`: written into absent inputs (what the Terraform SDK v2 does).
    - `plan_defaults`: what an absent input is compared with and created as (the Terraform plugin framework).
    - `replace_on`: inputs whose change replaces the resource.
    - `computed`: absent inputs that keep whatever the state has.
    - `sets`: lists whose order means nothing.
    - `canonical`: functions that bring a value to the form in which it is compared. They get the whole of a list and,
      of a set, each item too.
    - `records_defaults`: whether the inputs tell which of them the program did not set (the SDK v2's way).
    - `hashed`: inputs of which the state holds only a digest made by this function.
    - `empty_is_absent`: whether 0, False and "" equal an absent value (the SDK v2's way).
    - `unknown_on_update`: outputs that a preview of an update shows as unknown.
    - `in_place`: a pattern of the paths inside an input of `replace_on` whose change does not replace the resource.
    - `names_changes`: whether a diff tells what happens to each value (the SDK v2's way), or just which properties
      differ, those that become unknown among them (the Terraform plugin framework's).
    - `delete_first`: whether a replacement deletes before it creates; "if named" means: if the program gave the name.
    - `check`: cross-field problems as (property, message).
    - `plan`: last word on a planned state, given the old state.
    - `secret_outputs`: outputs that are always secret.
    - `timeout`: seconds an operation may take if the program sets none.
    """

    token: str
    schema: Schema
    operations: Operations
    required: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    autoname: str = ""
    input_defaults: Mapping[str, Any] = field(default_factory=dict)
    plan_defaults: Mapping[str, Any] = field(default_factory=dict)
    replace_on: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    canonical: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    hashed: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    records_defaults: bool = True
    empty_is_absent: bool = True
    unknown_on_update: frozenset[str] = frozenset()
    in_place: str = "(?!)"
    names_changes: bool = True
    delete_first: str = "no"
    check: Callable[[Values], Iterable[tuple[str, str]]] = no_problems
    plan: Callable[[Values, Values], Values] = as_planned
    secret_outputs: frozenset[str] = frozenset()
    timeout: float = 20 * 60.0

    def computed_outputs(self) -> frozenset[str]:
        """Outputs that are no inputs."""
        return frozenset(self.schema.outputs) - frozenset(self.schema.inputs)


@dataclass(frozen=True)
class Function:
    """A function of the provider: `call(client, arguments)` returns the result's properties."""

    token: str
    schema: Schema
    call: Callable[[Any, Values], Values]
