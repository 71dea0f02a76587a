"""Results for people: one table, as wide as the terminal; plain lines when piped."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from operate.verify.result import Finding, Result, Status, ok

MARKS = {Status.OK: "✓", Status.WARN: "!", Status.FAIL: "✗", Status.UNKNOWN: "?"}
STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.UNKNOWN: "bold magenta"}
SEVERITY = {Status.OK: 0, Status.WARN: 1, Status.UNKNOWN: 2, Status.FAIL: 3}
WIDE = 140
"""Columns from which on all five things stand side by side."""


def folded(results: Sequence[Result]) -> list[Result]:
    """The results with those of one check drawn together that are well, or that say the same."""
    rows: list[Result] = []
    for result in results:
        last = rows[-1] if rows else None
        if last and last.check.name == result.check.name and _goes_with(last.finding, result.finding):
            same = last.finding == result.finding
            finding = last.finding if same else ok("as it should be")
            rows[-1] = replace(last, subject=f"{last.subject}, {result.subject}", finding=finding)
        else:
            rows.append(result)
    return rows


def _goes_with(last: Finding, finding: Finding) -> bool:
    return last == finding or (last.status is Status.OK and finding.status is Status.OK)


def ordered(results: Iterable[Result]) -> list[Result]:
    """Results of one check side by side, in the order of the checks, those that are well first."""
    places: dict[str, int] = {}
    listed = list(results)
    for result in listed:
        places.setdefault(result.check.name, len(places))
    return sorted(listed, key=lambda result: (places[result.check.name], SEVERITY[result.finding.status]))


def show(console: Console, results: Sequence[Result], seconds: float) -> None:
    """Print the table and the verdict."""
    rows = folded(ordered(results))
    if not console.is_terminal:
        for line in plain(rows):
            print(line, file=console.file)
    elif console.width >= WIDE:
        console.print(_wide(rows))
    else:
        console.print(_narrow(rows))
    console.print(verdict(results, seconds), highlight=False, soft_wrap=not console.is_terminal)


def verdict(results: Sequence[Result], seconds: float) -> Text:
    """The last line: does it work?"""
    rows = folded(ordered(results))
    broken = [result for result in rows if not result.holds]
    notes = [result for result in rows if result.holds and result.finding.status is not Status.OK]
    checks = f"{len(results)} checks in {seconds:.1f} s"
    advice = f"; {len(notes)} could be better" if notes else ""
    if broken:
        return Text(f"{len(broken)} required not met{advice} ({checks})", style="bold red")
    return Text(f"The mail server works: all required are met{advice} ({checks})", style="bold green")


def _subject(text: str) -> str:
    parts = text.split(", ")
    return f"{', '.join(parts[:3])} and {len(parts) - 3} more" if len(parts) > 4 else text


def _label(result: Result) -> str:
    kind = "" if result.check.required else " (recommended)"
    return f"{result.check.title}{kind}"


def _advice_follows(rows: Sequence[Result], place: int) -> bool:
    """Whether the next row is of the same check and says what to do for both."""
    result, following = rows[place], rows[place + 1 : place + 2]
    return any(row.check.name == result.check.name and row.remedy == result.remedy for row in following)


def plain(rows: Sequence[Result]) -> Iterable[str]:
    """Lines for a pipe: one for what is well, a few more for what is not."""
    for place, result in enumerate(rows):
        finding = result.finding
        kind = "required" if result.check.required else "recommended"
        yield f"{finding.status:<8}{result.check.name}  {_subject(result.subject)}: {finding.found}"
        if finding.status is not Status.OK:
            yield f"        should be: {finding.expected or 'all well'} ({kind})"
        if finding.status is not Status.OK and not _advice_follows(rows, place):
            yield f"        why: {result.check.why}"
            yield f"        what to do: {result.remedy}"


def _wide(rows: Sequence[Result]) -> RenderableType:
    table = Table(expand=True, header_style="bold", show_lines=False, pad_edge=False)
    table.add_column("")
    for heading, ratio in (
        ("check", 3),
        ("what is", 4),
        ("what should be", 3),
        ("why it matters", 5),
        ("what to do", 5),
    ):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for result in rows:
        finding = result.finding
        table.add_row(
            Text(MARKS[finding.status], style=STYLES[finding.status]),
            Text.assemble(_label(result), "\n", (_subject(result.subject), "dim")),
            Text(finding.found, style="" if finding.status is Status.OK else STYLES[finding.status]),
            Text(finding.expected),
            Text(result.check.why, style="dim" if finding.status is Status.OK else ""),
            Text(result.remedy),
        )
    return table


def _narrow(rows: Sequence[Result]) -> RenderableType:
    blocks: list[RenderableType] = []
    for place, result in enumerate(rows):
        finding = result.finding
        style = STYLES[finding.status]
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=1)
        line.add_column(ratio=1, overflow="fold")
        well = finding.status is Status.OK
        head = Text.assemble(_label(result), "  ", (_subject(result.subject), "dim"))
        if well:
            head.append(f"\n{finding.found}", style="green")
        line.add_row(Text(MARKS[finding.status], style=style), head)
        blocks.append(line)
        if not well:
            blocks.append(Padding(_details(result, style, advice=not _advice_follows(rows, place)), (0, 0, 0, 2)))
    return Group(*blocks)


def _details(result: Result, style: str, *, advice: bool) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=9, style="dim")
    table.add_column(ratio=1, overflow="fold")
    table.add_row("is", Text(result.finding.found, style=style))
    table.add_row("should be", Text(result.finding.expected))
    if advice:
        table.add_row("why", Text(result.check.why))
        table.add_row("to do", Text(result.remedy))
    return table


def as_json(results: Iterable[Result]) -> list[dict[str, object]]:
    """Results for machines."""
    return [
        {
            "check": result.check.name,
            "subject": result.subject,
            "status": str(result.finding.status),
            "required": result.check.required,
            "found": result.finding.found,
            "expected": result.finding.expected,
            "why": result.check.why,
            "remedy": result.remedy,
        }
        for result in results
    ]
