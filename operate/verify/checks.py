"""All checks, in the order in which a person would go through them."""

from collections.abc import Iterable, Sequence
from types import ModuleType

from operate.verify import (
    accounts,
    backup,
    client_setup,
    container,
    dkim_rotation,
    domain_names,
    host_names,
    leftovers,
    mail,
    other_provider,
    outbound,
    ports,
    relay,
    renewal,
    reputation,
    reverse_dns,
    server,
    signing_key,
    smtp,
    tls,
    transport,
    watch,
    web,
    webmail,
)
from operate.verify.context import Context
from operate.verify.result import Check
from operate.verify.runner import Job

GROUPS: Sequence[ModuleType] = (
    host_names,
    domain_names,
    transport,
    client_setup,
    leftovers,
    reverse_dns,
    ports,
    tls,
    renewal,
    smtp,
    outbound,
    relay,
    reputation,
    web,
    mail,
    webmail,
    other_provider,
    container,
    signing_key,
    dkim_rotation,
    accounts,
    backup,
    watch,
    server,
)
"""Each has CHECKS, what it looks at, and jobs(context), the work for one stack."""

CHECKS: Sequence[Check] = [check for group in GROUPS for check in group.CHECKS]


def jobs(context: Context, only: Sequence[str]) -> Iterable[Job]:
    """The work for a stack; `only` selects checks by name or by group."""
    for group in GROUPS:
        for job in group.jobs(context):
            if not only or any(is_selected(job.check.name, choice) for choice in only):
                yield job


def is_selected(name: str, choice: str) -> bool:
    """Whether a check is the chosen one, or in the chosen group."""
    return name == choice or name.startswith(f"{choice}.")
