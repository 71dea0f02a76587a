"""A preview's summary as Markdown, in the dialect that GitHub shows in comments and issues."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from operate.workflow.summary.changes import Change, Preview, Verb
from operate.workflow.summary.differences import differences
from operate.workflow.summary.kinds import kind, title
from operate.workflow.summary.marks import CONSEQUENCES, marks


def summary(preview: Preview, stack: str) -> str:
    """The summary of one stack's preview, worst first."""
    blocks = [f"### Stack `{stack}`: {headline(preview)}", *_problems(preview), *_alert(preview.changes)]
    for verb in Verb:
        changes = [change for change in preview.changes if change.verb is verb]
        if changes:
            blocks.append("\n".join(_created(changes) if verb is Verb.CREATE else _table(verb, changes)))
    if preview.unchanged:
        blocks.append(f"{_count(preview.unchanged, 'resource')} unchanged.")
    return "\n\n".join(blocks) + "\n"


def headline(preview: Preview) -> str:
    """The whole preview in a few words, for example "1 destroyed, 2 changed"."""
    counts = [(sum(change.verb is verb for change in preview.changes), verb.value) for verb in Verb]
    said = [f"{number} {word}" for number, word in counts if number]
    if preview.errors:
        return ", ".join(["the preview failed", *said])
    return ", ".join(said) or "no changes"


def _problems(preview: Preview) -> Iterator[str]:
    for heading, messages in (("Errors", preview.errors), ("Broken policies", preview.violations)):
        if messages:
            text = "\n".join(messages)
            yield f"**{heading}**\n\n{fenced(text)}"


def _alert(changes: Sequence[Change]) -> Iterator[str]:
    """The loud mark: red if something is lost, yellow if it is only touched."""
    found = list(marks(changes))
    if not found:
        return
    lines = ["> [!CAUTION]" if any(mark.loses for mark in found) else "> [!WARNING]"]
    for mark in found:
        sign = "🛑" if mark.loses else "⚠️"
        touched = "; ".join(_sentence(verb, list(same)) for verb, same in groupby(_by_verb(mark.changes), _verb))
        lines.append(f"> - {sign} **{mark.topic.value}** ({CONSEQUENCES[mark.topic]}): {touched}")
    yield "\n".join(lines)


def _sentence(verb: Verb, changes: Sequence[Change]) -> str:
    things = ", ".join(f"{kind(change)} {code(title(change))}" for change in changes)
    return f"**{verb.value}** {things}" if verb in (Verb.DESTROY, Verb.REPLACE) else f"{verb.value} {things}"


def _table(verb: Verb, changes: Sequence[Change]) -> Iterator[str]:
    yield f"**{verb.value.capitalize()}**"
    yield ""
    if verb is Verb.DESTROY:
        yield "| What | Name |"
        yield "| --- | --- |"
        yield from (f"| {kind(change)} | {_cell(title(change))} |" for change in changes)
        return
    yield "| What | Name | Why |"
    yield "| --- | --- | --- |"
    for change in changes:
        reasons = "<br>".join(_reasons(change)) or "what it depends on changes"
        yield f"| {kind(change)} | {_cell(title(change))} | {reasons} |"


def _reasons(change: Change) -> Iterator[str]:
    for path, old, new in differences(change):
        forces = " (forces the replacement)" if re.split(r"[.\[]", path)[0] in change.forcing else ""
        yield f"{_cell(path)}{forces}: {_cell(old)} → {_cell(new)}"


def _created(changes: Sequence[Change]) -> Iterator[str]:
    """One line a kind, since most of what is new needs no reasons."""
    yield f"**{Verb.CREATE.value.capitalize()}**"
    yield ""
    for word, same in groupby(sorted(changes, key=kind), kind):
        yield f"- {word}: {', '.join(code(title(change)) for change in same)}"


def _cell(text: str) -> str:
    """Text as code in a table's cell, where a bar would end the cell even within code."""
    return code(text.replace("|", "\\|"))


def fenced(text: str) -> str:
    """Lines as they are, whatever they hold."""
    fence = "`" * max(3, 1 + _longest_run(text, "`"))
    return f"{fence}text\n{text}\n{fence}"


def code(text: str) -> str:
    """Text as code, whatever it holds: the pull request's author may have chosen it."""
    text = " ".join(text.split())
    run = _longest_run(text, "`")
    return f"`{text}`" if run == 0 else f"{'`' * (run + 1)} {text} {'`' * (run + 1)}"


def _longest_run(text: str, character: str) -> int:
    return max((len(list(run)) for found, run in groupby(text) if found == character), default=0)


def _verb(change: Change) -> Verb:
    return change.verb


def _by_verb(changes: Sequence[Change]) -> list[Change]:
    order = list(Verb)
    return sorted(changes, key=lambda change: order.index(change.verb))


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"
