"""Mailboxes and aliases: whether Poste has those of the settings, as they are set, and whom nobody named."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from model.accounts import MailboxSettings
from model.accounts_wanted import LEFT, OURS, mailbox_fields, quota_fields
from model.poste_container import loopback_url
from model.settings import MailDomainSettings, Settings
from operate.verify.context import Context
from operate.verify.remedies import RERUN
from operate.verify.result import Check, Finding, fail, ok, warn
from operate.verify.runner import Job
from operate.verify.server_shell import ask_server

MAILBOXES = Check(
    "accounts.mailboxes",
    "mailboxes as configured",
    "Mail to a mailbox that is missing or disabled is refused, and whoever should be out may still sign in.",
    f"{RERUN}: it makes and changes them. Where somebody meant the change, put it into the settings.",
    deadline=60,
)
ALIASES = Check(
    "accounts.aliases",
    "aliases as configured",
    "Mail to an alias goes to whom it names: complaints and reports, too, to nobody or to somebody else "
    "(RFC 2142, RFC 9990).",
    f"{RERUN}: it makes and changes them. Where somebody meant the change, put it into the settings.",
    deadline=60,
)
ROUTING = Check(
    "accounts.routing",
    "rest of a domain's mail as configured",
    "A catch-all, or a domain that is led to another, takes mail that is meant for nobody else.",
    f"{RERUN}: it leads the mail as the settings say. Where somebody meant the change, set catchAll or forwardTo.",
    deadline=60,
)
ADMINISTRATORS = Check(
    "accounts.administrators",
    "administrators are known",
    "An administrator of Poste can read and change everything, so one whom nobody named may be a break-in.",
    "If one of yours did it, name the mailbox in the settings with administrator: true. If not, take it for a "
    "break-in: take the right away in Poste's administration, look at the logs in /data/log, and change adminPassword.",
    deadline=60,
)
UNLISTED = Check(
    "accounts.unlisted",
    "no mailboxes beside the settings",
    "Whoever reads the settings takes them for all that there is; what was made by hand is missing from them.",
    "Name them in the settings, which adopts them as they are, or delete them in Poste's administration. A deploy "
    "leaves them alone.",
    required=False,
    deadline=60,
)
CHECKS = (MAILBOXES, ALIASES, ROUTING, ADMINISTRATORS, UNLISTED)

SHOWN = 3
"""Of what is wrong, in one finding."""
FIELDS = {"name": "name", "disabled": "disabled", "superAdmin": "super_admin", "internalOnly": "internal_only"}
"""What Poste's API calls a field in its answers, by what it is called in a request."""
HARMLESS = ("name", "storageLimit", "countLimit")
"""What differs without mail or access being lost or given."""
WORDS = {
    "superAdmin": "administrator",
    "internalOnly": "internalOnly",
    "storageLimit": "quotaMb",
    "countLimit": "quotaMessages",
}
"""The settings' own names where they are others."""

Told = dict[str, Any]
Ask = Callable[[], Awaitable[Told]]


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the accounts; one SSH session answers all."""
    settings = context.stack.settings
    quotas = [box.address for box in settings.mailboxes if quota_fields(box)]
    work = partial(ask_server, context.stack, "boxes", loopback_url(settings), quotas)
    ask: Ask = partial(context.shared.once, "accounts", work)
    selected = {domain.name for domain in context.selected}
    for domain in settings.domains:
        if domain.name in selected:
            yield Job(MAILBOXES, domain.name, partial(mailboxes, ask, domain))
            yield Job(ALIASES, domain.name, partial(aliases, ask, settings, domain))
            yield Job(ROUTING, domain.name, partial(routing, ask, settings, domain))
    yield Job(ADMINISTRATORS, context.stack.mail_host, partial(administrators, ask, settings))
    yield Job(UNLISTED, context.stack.mail_host, partial(unlisted, ask, settings))


async def mailboxes(ask: Ask, domain: MailDomainSettings) -> Finding:
    """The mailboxes of the settings are there, and what is set of them is so."""
    expected = f"{_counted(len(domain.mailboxes), 'mailbox', 'mailboxes')} as configured"
    known = _boxes(await ask())
    differences = [found for box in domain.mailboxes for found in _differences(box, known.get(box.address))]
    if not differences:
        return ok(expected)
    texts, harmless = [text for _, text in differences], all(name in HARMLESS for name, _ in differences)
    return (warn if harmless else fail)(_some(texts), expected)


def _differences(wanted: MailboxSettings, box: Told | None) -> Iterator[tuple[str, str]]:
    """What differs, by Poste's name of the field, and in words."""
    if box is None:
        yield "address", f"{wanted.address} is missing"
        return
    if box.get("redirect_to"):
        yield "redirectTo", f"{wanted.address} is an alias of {', '.join(box['redirect_to'])}"
        return
    if wanted.disabled is None and box.get("disabled") and box.get("reference_id") == LEFT:
        yield "disabled", f"{wanted.address} is disabled since it once left the settings"
    quota = box.get("quota") or {}
    found = {name: box[shown] for name, shown in FIELDS.items() if shown in box} | quota
    for name, value in (mailbox_fields(wanted) | quota_fields(wanted)).items():
        # Poste does not tell of every field in every version.
        if name in found and found[name] != value:
            yield name, f"{wanted.address}: {WORDS.get(name, name)} is {_said(found[name])}, not {_said(value)}"


async def aliases(ask: Ask, settings: Settings, domain: MailDomainSettings) -> Finding:
    """The aliases lead where they should; those that nobody asked for are somebody's at least."""
    wanted = settings.aliases(domain)
    expected = f"{_counted(len(wanted), 'alias', 'aliases')} as configured"
    known = _boxes(await ask())
    wrong = []
    for address, targets in wanted.items():
        box = known.get(address)
        if box is None:
            wrong.append(f"{address} is missing")
        elif box.get("disabled"):
            wrong.append(f"{address} is disabled")
        elif address not in domain.aliases and box.get("reference_id") != OURS:
            continue  # a person has it
        elif sorted(box.get("redirect_to") or []) != sorted(targets):
            leads = ", ".join(box.get("redirect_to") or ["a mailbox of its own"])
            wrong.append(f"{address} leads to {leads}, not to {', '.join(targets)}")
    return fail(_some(wrong), expected) if wrong else ok(expected)


async def routing(ask: Ask, settings: Settings, domain: MailDomainSettings) -> Finding:
    """Mail for addresses that nobody has goes where the settings say."""
    wanted = _way(domain.catch_all, domain.forward_to)
    told = next((one for one in (await ask())["domains"] if one["name"] == domain.name), None)
    if told is None:
        return fail("Poste does not know the domain", wanted)
    found = _way(
        told.get("domain_bin_address") if told.get("domain_bin") else None,
        told.get("forward_domain") if told.get("forward") else None,
    )
    if found == wanted or (not _named_any(settings) and not domain.forward_to):
        return ok(found)
    return (fail if domain.catch_all or domain.forward_to else warn)(found, wanted)


def _way(catch_all: str | None, forward_to: str | None) -> str:
    if forward_to:
        return f"all mail goes to {forward_to}"
    return f"mail for unknown addresses goes to {catch_all}" if catch_all else "mail for unknown addresses is refused"


async def administrators(ask: Ask, settings: Settings) -> Finding:
    """Nobody but the administrator, and those of the settings, may do everything in Poste."""
    named = {settings.admin_address, *(box.address for box in settings.mailboxes if box.administrator)}
    found = {address for address, box in _boxes(await ask()).items() if box.get("super_admin")}
    expected = ", ".join(sorted(named))
    if strange := sorted(found - named):
        return fail(f"{', '.join(strange)}, whom nobody named", expected)
    if settings.admin_address not in found:
        return fail(f"{settings.admin_address} is none", expected, f"{RERUN}: it sets the administrator up again.")
    return ok(", ".join(sorted(found)), expected)


async def unlisted(ask: Ask, settings: Settings) -> Finding:
    """What Poste has and the settings do not name. Nobody touches it."""
    named = {settings.admin_address, *(address for domain in settings.domains for address in domain.addresses)}
    named |= {address for domain in settings.domains for address in settings.aliases(domain)}
    boxes = _boxes(await ask())
    # What left the settings is disabled, and keeps its mail on purpose.
    more = sorted(address for address in boxes.keys() - named if boxes[address].get("reference_id") != LEFT)
    if not more:
        return ok("none beside the settings")
    if not _named_any(settings):
        return ok(f"{len(more)} made in Poste; the settings name none")
    return warn(_some(more, ", "), "the settings name all")


def _named_any(settings: Settings) -> bool:
    """Whether the stack's accounts are configuration at all."""
    return any(domain.addresses or domain.catch_all or domain.forward_to for domain in settings.domains)


def _boxes(told: Told) -> dict[str, Told]:
    return {box["address"].lower(): box for box in told["boxes"]}


def _some(texts: Sequence[str], between: str = "; ") -> str:
    more = len(texts) - SHOWN
    return between.join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
