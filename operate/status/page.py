"""One page of all that is known: a single file, without scripts, that leaves out every mailbox's address."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from operate.addresses import without_mailboxes
from operate.quantities import moment
from operate.reports.summary import DomainSummary
from operate.reports.table import named, verdict
from operate.status import now, plots
from operate.status.look import Look
from operate.terminal import printable
from operate.verify.result import Result, Status
from operate.verify.table import MARKS, SEVERITY, folded, ordered

FOLDER = Path(__file__).parent
WORDS = {Status.OK: "well", Status.WARN: "could be better", Status.FAIL: "failed", Status.UNKNOWN: "not known"}


@dataclass(frozen=True)
class Topic:
    """A section of the page: what the server sees, and the checks that are about the same."""

    title: str
    parts: tuple[now.Part, ...]
    groups: frozenset[str]
    """Of checks, by the beginning of their names."""


TOPICS = (
    Topic("Certificate", now.CERTIFICATE, frozenset({"tls"})),
    Topic("Backup", now.BACKUP, frozenset({"backup"})),
    Topic("Records", (), frozenset({"dns", "reverse", "dkim"})),
)
OTHERS = "Other checks"
SOURCES = 10
"""Senders in a domain's name that are listed, those with the most messages."""
LONGEST = 160
"""Characters of what a check found, in its list; a key is longer, and nobody reads it there."""
UNFOLDED = 25
"""Checks of a topic up to which they are shown at once."""


def page(found: Look) -> str:
    """The page, as HTML."""
    results = folded(ordered(found.results))
    wrong = sorted(
        (result for result in results if result.finding.status is not Status.OK),
        key=lambda result: (result.holds, -SEVERITY[result.finding.status]),
    )
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": moment,
        "lasting": now.lasting,
        "counted": now.counted,
        "named": named,
        "private": without_mailboxes,
    }
    return environment.get_template("page.html.jinja").render(
        found=found,
        alarms=found.shown["alarms"] if found.shown else [],
        rows=now.rows(found.shown, now.NOW) if found.shown else [],
        state="ok" if found.well else "fail",
        conclusion=_conclusion(found, wrong),
        wrong=wrong,
        history=plots.of_history(found.shown["history"], found.day) if found.shown else [],
        reports=_reports(found),
        sources=SOURCES,
        topics=_topics(found, results),
        shortest=UNFOLDED,
        longest=LONGEST,
        marks=MARKS,
        words=WORDS,
    )


def _shown(value: Any) -> Any:
    """A text as anybody may see it; HTML forbids most of what is not printable, and some of it turns words around."""
    # What has been made HTML already is left alone.
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return printable(without_mailboxes(value)) if is_text else value


def _conclusion(found: Look, wrong: Sequence[Result]) -> str:
    """The whole page in one line."""
    if found.well:
        return f"All is well{f', and {len(wrong)} could be better' if wrong else ''}"
    alarms = len(found.shown["alarms"]) if found.shown else 0
    broken = sum(not result.holds for result in wrong)
    dark = len(now.unseen(found.shown, found.stack.settings)) if found.shown else 0
    kinds = ((alarms, "alarm"), (broken, "failed check"), (dark, "unknown value"))
    said = [now.counted(count, what) for count, what in kinds if count]
    return ", ".join([*["The server could not be asked"] * (found.shown is None), *said])


def _reports(found: Look) -> list[tuple[DomainSummary, str, plots.Plot]]:
    days = plots.last_days(found.day)
    domains = found.reports.domains if found.reports else ()
    return [(domain, verdict(domain), plots.of_reports(domain.name, domain.days, days)) for domain in domains]


def _topics(found: Look, results: Sequence[Result]) -> list[tuple[str, list[now.Row], list[Result]]]:
    wanted = now.parts(found.stack.settings)
    listed = [
        (
            topic.title,
            now.rows(found.shown, tuple(part for part in topic.parts if part in wanted)) if found.shown else [],
            [result for result in results if _group(result) in topic.groups],
        )
        for topic in TOPICS
    ]
    known = frozenset().union(*(topic.groups for topic in TOPICS))
    return [*listed, (OTHERS, [], [result for result in results if _group(result) not in known])]


def _group(result: Result) -> str:
    return result.check.name.partition(".")[0]
