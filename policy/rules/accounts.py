"""Mailboxes and aliases, by what the commands that make them are given: a list of accounts for each domain."""

from collections.abc import Iterator, Mapping
from typing import Any

from model.accounts import EVERYBODY, loops, with_forwards
from policy.model import COMMAND, STACK, Resource, Resources
from policy.rule import ResourceRule, Setting, Settings, StackRule
from policy.rules.secrets import Found, given
from policy.stack import Stack

KINDS = ("mailbox", "alias", "role")


def administrators_named(resource: Resource, stack: Stack, settings: Settings) -> Iterator[str]:
    """Nobody becomes an administrator whom the settings, or the environment, do not name."""
    pinned = settings["administrators"]
    known = stack.settings.admin_address
    if resource.type == STACK:
        if pinned and known not in _lower(pinned):
            yield f"The stack's adminAddress {known} is none of this environment's administrators."
        return
    allowed = _lower(pinned or [known, *(box.address for box in stack.settings.mailboxes if box.administrator)])
    for request in _accounts(resource):
        if _wanted(request).get("superAdmin") is True and str(request["address"]).lower() not in allowed:
            yield f"It makes {request['address']} an administrator."


def in_own_domain(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """What is made lies in the stack's domains, and reaches all mailboxes of one of them only."""
    names = {domain.name for domain in stack.settings.domains}
    for request in _accounts(resource):
        if _home(request["address"]) not in names:
            yield f"{request['address']} is in none of the stack's domains."
        for target in _targets(request):
            if target.startswith(f"{EVERYBODY}@") and _home(target) not in names:
                yield f"{request['address']} leads to {target}, all mailboxes of another's domain."
    for request in filter(None, [_routing(resource)]):
        if str(request["domain"]).lower() not in names:
            yield f"It leads mail of {request['domain']}, which is none of the stack's domains."


def no_loop(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """Mail comes to an end, however many aliases and domains it passes."""
    aliases: dict[str, list[str]] = {}
    forwards: dict[str, str] = {}
    by_name: dict[str, Resource] = {}
    for resource in resources.of_type(COMMAND):
        for account in _accounts(resource):
            if account["kind"] != "mailbox":
                address = str(account["address"]).lower()
                aliases[address], by_name[address] = _targets(account), resource
        if (request := _routing(resource)) and isinstance(request.get("forward_to"), str):
            domain = str(request["domain"]).lower()
            forwards[domain], by_name[domain] = request["forward_to"].lower(), resource
    ways = loops({domain: [to] for domain, to in forwards.items()}) or loops(with_forwards(aliases, forwards))
    for way in ways:
        yield next((by_name[name] for name in way if name in by_name), None), f"{' leads to '.join(way)}."


def _accounts(resource: Resource) -> Iterator[Mapping[str, Any]]:
    """What a command is given to make mailboxes and aliases of."""
    request = given(resource)
    accounts = request.get("accounts") if isinstance(request, Mapping) else None
    for account in accounts if isinstance(accounts, list) else ():
        if isinstance(account, Mapping) and account.get("kind") in KINDS and isinstance(account.get("address"), str):
            yield account


def _routing(resource: Resource) -> Mapping[str, Any] | None:
    """What a command is given to lead a domain's mail; None for any other command."""
    request = given(resource)
    is_one = isinstance(request, Mapping) and "forward_to" in request and isinstance(request.get("domain"), str)
    return request if is_one else None


def _wanted(request: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = request.get("wanted")
    return wanted if isinstance(wanted, Mapping) else {}


def _targets(request: Mapping[str, Any]) -> list[str]:
    targets = _wanted(request).get("redirectTo")
    return [str(target).lower() for target in targets] if isinstance(targets, list) else []


def _home(address: str) -> str:
    return address.lower().rpartition("@")[2]


def _lower(addresses: Any) -> set[str]:
    return {str(address).lower() for address in addresses}


ADMINISTRATORS = Setting(
    name="administrators",
    meaning="The only addresses that may administer Poste in this environment. Unless set, they are the stack's "
    "`adminAddress` and the mailboxes whose `administrator` is true.",
    schema={"type": "array", "items": {"type": "string"}},
    default=(),
)

RULES = (
    ResourceRule(
        name="administrators-named",
        why="Only those whom the settings name, or the environment pins, administer Poste, because an administrator "
        "can read and change everything.",
        remedy="Take the mailbox's administrator back, or name it among the rule's administrators.",
        types=(STACK, COMMAND),
        settings=(ADMINISTRATORS,),
        check=administrators_named,
    ),
    ResourceRule(
        name="mailbox-in-own-domain",
        why="Mailboxes and aliases lie in the stack's own domains, because mail for any other never comes here, and "
        "Poste would keep what is sent there from here.",
        remedy="Move it to one of the stack's domains, or name its domain in domains.",
        types=(COMMAND,),
        check=in_own_domain,
    ),
    StackRule(
        name="no-alias-loop",
        why="No alias or domain leads back to itself, because mail would go round until a server gives it up.",
        remedy="Let one of them lead to a mailbox.",
        check=no_loop,
    ),
)
