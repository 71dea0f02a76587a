"""Mends a stack after a deploy was cut off: `./run mail repair --stack prod`.

A deploy that is killed while a cloud makes a thing leaves that thing behind: the state does not know it, so the next
deploy makes it again and is refused. This finds what carries the stack's label or comment and is not in the state,
shows it, and imports it as the resource that it is in the program. What the state has and the clouds have no more is
taken out of the state. Nothing at the clouds is changed.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from model.labels import stack_labels
from operate import command_line
from operate.clouds.hetzner import connected
from operate.command_line import DONE, FAILED, TO_DO
from operate.errors import OperateError, RepairError
from operate.pulumi_cli import pulumi
from operate.repair import dns, hetzner
from operate.repair.backend import is_locked_for_nothing, torn_attributes
from operate.repair.finding import Finding
from operate.repair.mending import mend
from operate.repair.state import read_state
from operate.verify.stack import read_config, settings_of, values


def main(arguments: Sequence[str]) -> int:
    """0 if nothing is to be repaired any more, 3 if something is, 1 if it could not be found out or mended."""
    parser = command_line.parser("repair", __doc__ or "")
    parser.add_argument("--check", action="store_true", help="only look: exit status 3 if there is something to repair")
    parser.add_argument("--yes", action="store_true", help="repair without asking")
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except OperateError as error:
        print(f"repair: {error}", file=sys.stderr)
        return FAILED


def run(options: argparse.Namespace) -> int:
    """Make the stack readable, connect to the clouds, and repair; the exit status."""
    stack, project = options.stack, yaml.safe_load(Path("Pulumi.yaml").read_text())["name"]
    torn = torn_attributes(stack, project)
    if torn and options.check:
        raise RepairError(f"the state cannot be read: {torn[0]} was written by half. {_command(stack)} mends that")
    for file in torn:
        say(f"removing {file}, which was written by half and is not needed")
        file.unlink()
    config = asyncio.run(read_config(stack))
    token, base_url = _secret(config, "cloudflare:apiToken"), values(config, "cloudflare").get("baseUrl")
    settings = settings_of(stack, config)
    endpoints = values(config, "hcloud")
    with connected(
        _secret(config, "hcloud:token"), endpoints.get("endpoint"), endpoints.get("endpointHetzner")
    ) as client:

        def look() -> Finding:
            state, there = read_state(stack), hetzner.look(client, stack_labels(project, stack))
            return Finding(
                project, state, there, dns.look(settings, project, state, there.addresses(), token, base_url)
            )

        return repair(options, look)


def repair(options: argparse.Namespace, look: Callable[[], Finding]) -> int:
    """Look, show, ask and mend; the exit status."""
    found = look()
    told: dict[str, Any] = {"stack": options.stack, **found.json()}
    tell = (lambda _text: None) if options.json else print
    tell(str(found))
    status, locked = DONE, is_locked_for_nothing(options.stack)
    if locked:
        tell("A deploy that was killed has left its lock.")
    if locked or not found.is_clean:
        if options.check or not (options.yes or _agreed()):
            tell(f"To repair it: {_command(options.stack)}")
            status = TO_DO
        else:
            if locked:
                say("releasing the lock")
                pulumi("cancel", "--yes", "--stack", options.stack)
            outcome = mend(found, look, say)
            told |= outcome.json()
            tell(str(outcome))
            status = TO_DO if outcome.left else DONE
    if options.json:
        command_line.show_json(**told)
    return status


def say(line: str) -> None:
    """Tell the person what is going on; what was found goes to standard output."""
    print(line, file=sys.stderr, flush=True)


def _command(stack: str) -> str:
    return f"./run mail repair --stack {stack} --yes"


def _agreed() -> bool:
    """Whether the person says yes; where nobody can be asked, nobody did."""
    return sys.stdin.isatty() and input("Repair the state now? [y/N] ").strip().lower() in ("y", "yes")


def _secret(config: dict[str, Any], key: str) -> str:
    if key not in config:
        raise RepairError(f"{key} is not set. Set it with: pulumi config set --secret {key}")
    return str(config[key]["value"])
