"""MTA-STS: what senders are told about encryption, and that it can be fetched and is true (RFC 8461)."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from model.mta_sts import LABEL, matches, record, record_name
from policy.dns import records_at, text_of
from policy.model import COMMAND, DNS_RECORD, UNKNOWN, WORKER, WORKER_HOST, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.rules.certificate import is_for_trials, may_get_one
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

PLACE = record_name("")
ANNOUNCEMENT = re.compile(r"v=STSv1\s*;\s*id=[A-Za-z0-9]{1,32}\s*;?")
"""A record (section 3.1); extensions that RFC 8461 leaves room for are none of ours."""
TEXTS = "const TEXTS = "
"""What stands before the texts in the Worker's script."""


def well_formed(announcement: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """The record has an id of 1 to 32 letters and digits."""
    text = text_of(announcement)
    if _domain(announcement) and text is not None and not ANNOUNCEMENT.fullmatch(text):
        yield "The text is no v=STSv1 record with an id of 1 to 32 letters and digits."


def served(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """What is announced is what the settings say, served at the domain's host, and names each of its MX hosts."""
    modes = _modes(stack)
    for domain in modes:
        if records_at(resources, "TXT", record_name(domain)).surely_none:
            yield None, f"The settings have an MTA-STS policy for {domain}, which nothing announces."
    for announcement, domain in _announcements(resources):
        host = f"{LABEL}.{domain}"
        if domain not in modes:
            yield announcement, f"The settings have no MTA-STS policy for {domain}."
        elif not any(found.get("hostname") in (host, UNKNOWN) for found in resources.of_type(WORKER_HOST)):
            yield announcement, f"Nothing serves {host}, where senders look for the policy."
        else:
            for worker in resources.of_type(WORKER):
                for finding in _in_script(worker, announcement, domain, modes[domain], resources):
                    yield worker, finding


def enforced_when_trusted(resources: Resources, stack: Stack, _settings: Settings) -> Found:
    """Senders are told to enforce, and handed a policy that says so, when the server has a certificate they trust."""
    directory, modes = stack.settings.acme_directory, _modes(stack)
    for announcement, domain in _announcements(resources):
        if modes.get(domain) != "enforce":
            continue
        if directory is None or is_for_trials(directory):
            yield announcement, f"Senders to {domain} are to enforce a certificate that they do not trust."
            continue
        for telling in (announcement, *resources.of_type(WORKER)):
            if not any(found.type == COMMAND and may_get_one(found) for found in resources.before(telling)):
                yield telling, f"Senders to {domain} are told to enforce before the server has its certificate."


def _modes(stack: Stack) -> dict[str, str]:
    """What the settings say, by domain."""
    settings = stack.settings
    return {domain.name: mode for domain in settings.domains if (mode := settings.mta_sts_mode(domain))}


def _announcements(resources: Resources) -> Iterator[tuple[Resource, str]]:
    for found in resources.of_type(DNS_RECORD):
        if found.get("type") == "TXT" and (domain := _domain(found)):
            yield found, domain


def _domain(announcement: Resource) -> str | None:
    name = announcement.get("name")
    return name.removeprefix(PLACE) if isinstance(name, str) and name.startswith(PLACE) else None


def _in_script(worker: Resource, announcement: Resource, domain: str, mode: str, resources: Resources) -> Iterator[str]:
    content = worker.get("content")
    if content is UNKNOWN:
        return
    policy = _policy(str(content), domain)
    if policy is None:
        yield f"The Worker's script has no MTA-STS policy for {domain}."
        return
    if (said := _values(policy, "mode")) != [mode]:
        yield f"The MTA-STS policy of {domain} has the mode {', '.join(said)}; the settings say {mode}."
    patterns = _values(policy, "mx")
    for exchange in records_at(resources, "MX", domain).found:
        host = exchange.get("content")
        if isinstance(host, str) and not any(matches(pattern, host) for pattern in patterns):
            yield f"The MTA-STS policy of {domain} leaves out its MX host {host}."
    text = text_of(announcement)
    if text is not None and text != record(policy):
        yield f"The id of {domain} is not that of its MTA-STS policy, so that senders go on with an earlier one."


def _policy(script: str, domain: str) -> str | None:
    """The policy that the script hands out for a domain."""
    _, found, rest = script.partition(TEXTS)
    try:
        texts: Any = json.JSONDecoder().raw_decode(rest)[0] if found else None
        mode = texts["modes"].get(domain, texts["mode"])
        policy = texts["policies"].get(mode)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return policy if isinstance(policy, str) else None


def _values(policy: str, key: str) -> Sequence[str]:
    """The values of a key of a policy (section 3.2)."""
    pairs: Iterator[tuple[str, str, str]] = (line.partition(":") for line in policy.splitlines())
    return [value.strip() for name, _, value in pairs if name == key]


RULES = (
    ResourceRule(
        name="mta-sts-well-formed",
        why="The announcement of an MTA-STS policy has an id, or senders take it for none.",
        remedy="Make it with record() of model/mta_sts.py.",
        types=(DNS_RECORD,),
        check=well_formed,
    ),
    StackRule(
        name="mta-sts-served",
        why="A policy that is announced is that of the settings, can be fetched, names each MX host and has its own "
        "id, because senders keep it and hold the servers against it.",
        remedy="Make script and announcement from policy() and record() of model/mta_sts.py.",
        check=served,
    ),
    StackRule(
        name="mta-sts-enforced-when-trusted",
        why="Senders are told to enforce only when the server has a certificate that they trust, because they would "
        "deliver nothing.",
        remedy="Set mtaSts to testing, or have an authority sign the certificate and announce the policy after it.",
        check=enforced_when_trusted,
    ),
)
