"""The engine's stream of events, as `pulumi preview --json` writes it with PULUMI_ENABLE_STREAMING_JSON_PREVIEW set.

One JSON object a line: https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent. The other form
of `--json`, one object in the end, says nothing of policy violations.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from operate.workflow.summary.changes import Change, Preview, Verb

STREAMING = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
"""The variable that makes the engine write events."""

VERBS = {
    "delete": Verb.DESTROY,
    "delete-replaced": Verb.REPLACE,
    "replace": Verb.REPLACE,
    "create-replacement": Verb.REPLACE,
    "import-replacement": Verb.REPLACE,
    "update": Verb.CHANGE,
    "import": Verb.CREATE,
    "create": Verb.CREATE,
}
"""The engine's operations that change something; the others (same, read, refresh …) do not."""

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - Pulumi's mark of a special value, no secret
ECHO = "an unhandled error occurred: program exited with non-zero exit code"
"""Follows the error that the program itself reported, and adds nothing."""


def read(text: str) -> Preview:
    """The preview that the events tell of. Raises ValueError if they are none."""
    events = list(_events(text))
    changes: dict[str, Change] = {}
    unchanged = 0
    for event in events:
        step = event.get("resourcePreEvent", {}).get("metadata")
        if step is None or not _is_real(step):
            continue
        if step["op"] == "same":
            unchanged += 1
        elif step["op"] in VERBS:
            change = _change(step)
            earlier = changes.get(step["urn"])
            changes[step["urn"]] = earlier.merged_with(change) if earlier else change
    return Preview(list(changes.values()), unchanged, list(_errors(events)), list(_violations(events)))


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in filter(str.strip, text.splitlines()):
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            event = None
        if not isinstance(event, dict) or "sequence" not in event:
            wanted = f"the engine's events, as {STREAMING}=true pulumi preview --json writes them"
            raise ValueError(f"Expected {wanted}. Got: {line[:200]}")
        yield event


def _is_real(step: Mapping[str, Any]) -> bool:
    """Whether a step is about a thing in the world: components and the stack itself only group such things."""
    return bool((step.get("new") or step.get("old") or {}).get("custom"))


def _change(step: Mapping[str, Any]) -> Change:
    verb = VERBS[step["op"]]
    old = {} if verb is Verb.CREATE else _inputs(step.get("old"))
    new = _inputs(step.get("new"))
    differing = step.get("detailedDiff") or step.get("diffs") or ()
    # Some plugins name what only they set, too, such as the time of the last change.
    properties = tuple(path for path in differing if re.split(r"[.\[]", path, maxsplit=1)[0] in {*old, *new})
    return Change(
        verb, step["type"], step["urn"].split("::", 3)[3], old, new, properties, tuple(step.get("keys") or ())
    )


def _inputs(state: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {key: _plain(value) for key, value in ((state or {}).get("inputs") or {}).items() if _is_input(key)}


def _plain(value: Any) -> Any:
    """A value without the engine's own notes; a secret is told as one."""
    if isinstance(value, dict):
        return "[secret]" if SECRET in value else {key: _plain(item) for key, item in value.items() if _is_input(key)}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _is_input(key: str) -> bool:
    return not key.startswith("__")


def _errors(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        diagnostic = event.get("diagnosticEvent", {})
        if diagnostic.get("severity") == "error" and not diagnostic["message"].startswith(ECHO):
            yield diagnostic["message"].strip()


def _violations(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        violation = event.get("policyEvent")
        if violation:
            name = violation.get("resourceUrn", "").rpartition("::")[2]
            yield f"[{violation['enforcementLevel']}] {violation['policyName']}: {name}\n{violation['message'].strip()}"
