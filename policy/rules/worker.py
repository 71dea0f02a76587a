"""The Worker at Cloudflare that serves MTA-STS policies and the settings of mail programs."""

import re
from collections.abc import Iterator

from model.web_hosts import web_hosts
from policy.model import UNKNOWN, WORKER, WORKER_HOST, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

DATE = re.compile(r"\d{4}-\d\d-\d\d")
REACHING = ("bindings", "keepBindings", "tailConsumers")
"""Properties by which a script reaches what is not in it, or another one sees who asks it."""


def plain(worker: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """A module for a runtime of one date, with nothing beside its text."""
    if not worker.get("mainModule"):
        yield "The Worker's script names no main module."
    date = worker.get("compatibilityDate")
    if date is not UNKNOWN and not DATE.fullmatch(str(date)):
        yield "The Worker's script has no compatibility date."
    for name in REACHING:
        if worker.get(name) not in (None, [], UNKNOWN):
            yield f"The Worker's script has {name}."


def own_host(host: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The host is one that a mail domain of the stack has."""
    settings, name = stack.settings, host.get("hostname")
    wanted = {found for domain in settings.domains for found in web_hosts(domain, settings)}
    if name is not UNKNOWN and name not in wanted:
        yield f"The Worker serves {name}, which no setting asks for."


def own_script(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The host leads to a script of the stack, in the same account."""
    scripts = [[worker.get(name) for name in ("accountId", "scriptName")] for worker in resources.of_type(WORKER)]
    for host in resources.of_type(WORKER_HOST):
        wanted = [host.get(name) for name in ("accountId", "service")]
        if not any(all(map(_may_be, script, wanted)) for script in scripts):
            yield host, f"The host leads to {wanted[1]}, which is no script of the stack."


def _may_be(one: object, other: object) -> bool:
    return one == other or UNKNOWN in (one, other)


RULES = (
    ResourceRule(
        name="worker-plain",
        why="The Worker's script is a module for a known state of the runtime and reaches nothing beside its text, "
        "because it answers the whole world.",
        remedy="Make it as components/policy_worker.py does, with main_module and compatibility_date alone.",
        types=(WORKER,),
        check=plain,
    ),
    ResourceRule(
        name="worker-own-hosts",
        why="The Worker serves only hosts that the settings ask for, because it would take over any other.",
        remedy="Take it from web_hosts() of model/web_hosts.py.",
        types=(WORKER_HOST,),
        check=own_host,
    ),
    StackRule(
        name="worker-own-script",
        why="The hosts lead to the stack's own script, because another could tell senders and mail programs anything.",
        remedy="Set service to the script_name of the WorkersScript in the host's account.",
        check=own_script,
    ),
)
