"""Measures previews against clouds on paper: `./run mail benchmark`.

Exit status 0 when all was measured, whatever the figures are; 1 when something failed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import DOMAINS, KINDS, LAYOUTS, MAILBOXES, Figure, Kind, Layout, Runs, figures
from benchmarks.server_on_paper import server_on_paper
from benchmarks.world import PROGRAM, BenchmarkError, Project, Run, plugins, processor, stack
from operate import command_line

FLOOR = "import pulumi_cloudflare, pulumi_command, pulumi_docker, pulumi_hcloud\n"
ZONE = "club.example"
REPEAT, MOST = 3, 10
Say = Callable[[str], None]


def main(given: Sequence[str]) -> int:
    """Run the command; its exit status."""
    parser = argparse.ArgumentParser(prog="./run mail benchmark", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--repeat",
        type=int,
        default=REPEAT,
        choices=range(1, MOST + 1),
        metavar=f"1-{MOST}",
        help=f"how often each preview is run; the least disturbed counts (default {REPEAT})",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the result as one JSON object, all else as errors are"
    )
    options = parser.parse_args(given)
    begun = time.monotonic()
    progress = Console(stderr=True)

    def say(what: str) -> None:
        progress.print(f"{time.monotonic() - begun:4.0f} s  {what}", highlight=False)

    about = {"date": datetime.now(UTC).date().isoformat(), "processors": processor(), "plugins": plugins()}
    load = os.getloadavg()[0]
    try:
        found = list(figures(measure(options.repeat, say)))
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return command_line.FAILED
    if options.json:
        command_line.show_json(**about, load=load, repeat=options.repeat, figures=[figure.json() for figure in found])
    else:
        Console().print(
            table(found, f"{about['date']}, {about['processors']}, {about['plugins']} plugins, load {load:.1f}")
        )
    return command_line.DONE


def measure(repeat: int, say: Say) -> Runs:
    """All runs. Raises BenchmarkError."""
    single: dict[Kind, Run] = {}
    many: dict[tuple[Kind, Layout], Run] = {}
    with stack(FLOOR, domains()) as project:
        floor = least(project, "floor", repeat, say, {})
    with server_on_paper() as paper:
        with stack(PROGRAM, domains()) as project:
            # Nothing is asked of these two plugins that needs the server, so the real ones answer.
            single["first"] = least(project, "first preview, one domain", repeat, say, {})
            deploy(project, paper, say)
            single["no-op"] = least(project, "no-op preview, one domain", repeat, say, paper)
        for layout in LAYOUTS:
            names = further()
            with stack(PROGRAM, domains(names, layout), names if layout == "zones of their own" else ()) as project:
                for kind in KINDS:
                    if kind == "no-op":
                        deploy(project, paper, say)
                    what = f"{kind} preview, {DOMAINS} domains in {layout}"
                    many[kind, layout] = least(project, what, repeat, say, paper if kind == "no-op" else {})
        with stack(PROGRAM, [{"name": ZONE, "mailboxes": mailboxes()}]) as project:
            deploy(project, paper, say)
            people = least(project, f"no-op preview, {MAILBOXES} mailboxes", repeat, say, paper)
    return Runs(floor, single, many, people)


def least(project: Project, what: str, repeat: int, say: Say, variables: dict[str, str]) -> Run:
    """The least that previews take: whatever else the machine does can only add to it."""
    runs = []
    for number in range(1, repeat + 1):
        say(f"{what}, {number} of {repeat}")
        runs.append(project.pulumi("preview", *(["--expect-no-changes"] if variables else []), variables=variables))
    return Run(min(run.seconds for run in runs), min(run.processor for run in runs), min(run.megabytes for run in runs))


def deploy(project: Project, paper: dict[str, str], say: Say) -> None:
    """Make the state that a no-op preview needs."""
    say("deploy on paper")
    project.pulumi("up", "--yes", "--skip-preview", variables=paper)


def mailboxes() -> list[dict[str, str]]:
    """The mailboxes of a domain with many people."""
    return [{"address": f"person{number}@{ZONE}", "name": f"Person {number}"} for number in range(MAILBOXES)]


def further() -> list[str]:
    """The names of all domains but the first."""
    return [f"d{number}.example" for number in range(1, DOMAINS)]


def domains(names: Sequence[str] = (), layout: Layout = "one zone") -> list[dict[str, Any]]:
    """The setting `domains`: the first domain and those named, all in its zone or each in its own."""
    if layout == "zones of their own":
        return [{"name": ZONE}, *({"name": name} for name in names)]
    return [{"name": ZONE}, *({"name": f"{name.partition('.')[0]}.{ZONE}", "zone": ZONE} for name in names)]


def table(found: Sequence[Figure], title: str) -> Table:
    """The table for people."""
    made = Table(title=title, title_justify="left")
    made.add_column("what")
    for heading in ("measured", "of a processor", "÷ floor"):
        made.add_column(heading, justify="right")
    made.add_column("goal")
    for figure in found:
        digits = 0 if figure.unit == "ms" else 2
        reached = {None: ", disturbed" if figure.goal else "", True: ", reached", False: ", missed"}[figure.reached]
        made.add_row(
            figure.what,
            f"{figure.value:.{digits}f} {figure.unit}",
            "" if figure.processor is None else f"{figure.processor:.{digits}f} {figure.unit}",
            f"{figure.ratio:.3f}",
            f"{figure.goal}{reached}",
        )
    return made
