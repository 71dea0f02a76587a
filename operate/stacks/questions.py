"""What the wizard asks for, and what it takes for an answer."""

import argparse
import os
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic import TypeAdapter

from model.networks import unreachable
from model.values import Cidr, EmailAddress, Fqdn, HostName, ImageReference
from operate.errors import WizardError
from operate.stacks.answers import Answers
from operate.stacks.offers import Box
from operate.stacks.options import NO_BACKUP
from operate.stacks.plan import list_paths
from operate.stacks.registry import RegistryError, newest, with_digest
from operate.stacks.stack import Stack

IMAGE = "analogic/poste.io"
IMAGE_QUESTION = f"Poste's image with its tag, {IMAGE}:TAG; its digest is looked up"
HETZNER_QUESTION = "Hetzner API token with read and write access, from the project's Security, API tokens"
CLOUDFLARE_QUESTION = "Cloudflare API token with the permissions Zone: Read and DNS: Edit for the domain's zone"


def asked(
    answers: Answers, options: argparse.Namespace, stack: Stack, kept: dict[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """The plain values by path, with the domain beside them as "domain", and the tokens."""
    domains = kept.get("domains") or [{}]
    domain = answers.text(
        "Mail domain", flag="--domain", given=options.domain, kept=domains[0].get("name"), check=checked(Fqdn)
    )
    ask = {
        "mailHost": ("Name of the mail server", "--mail-host", options.mail_host, f"mail.{domain}", checked(HostName)),
        "adminAddress": (
            "The administrator's mailbox",
            "--admin-address",
            options.admin_address,
            f"admin@{domain}",
            mailbox_in({domain, *(known["name"] for known in domains if "name" in known)}),
        ),
    }
    paths = {"domain": domain} | {
        key: answers.text(question, flag=flag, given=given, kept=kept.get(key), default=default, check=check)
        for key, (question, flag, given, default, check) in ask.items()
    }
    paths["posteImage"] = image(answers, options.image, kept.get("posteImage"))
    cidrs = options.admin_cidr or kept.get("adminCidrs")
    if not cidrs:
        question = "Network that may use SSH, with this machine in it, for example 198.51.100.7/32"
        cidrs = [answers.text(question, flag="--admin-cidr", given=None, check=calling_network)]
    paths |= list_paths("adminCidrs", cidrs)
    plain = {
        "timeZone": options.time_zone,
        "hcloud:endpoint": options.hetzner_endpoint,
        "hcloud:endpointHetzner": options.hetzner_storage_endpoint,
        "cloudflare:baseUrl": options.cloudflare_base_url,
        "protect": None if options.protect is None else str(options.protect).lower(),
    }
    paths |= {key: value for key, value in plain.items() if value is not None}
    tokens = {
        key: stack.secret(key)
        if key in stack.secrets() and key not in options.replace
        else answers.secret(question, variable=variable, given=os.environ.get(variable))
        for key, variable, question in (
            ("hcloud:token", "HCLOUD_TOKEN", HETZNER_QUESTION),
            ("cloudflare:apiToken", "CLOUDFLARE_API_TOKEN", CLOUDFLARE_QUESTION),
        )
    }
    return paths, tokens


def mailboxes(answers: Answers, given: Sequence[str], domain: str, kept: dict[str, Any]) -> Sequence[str]:
    """Addresses of mailboxes beside the administrator's. A person is asked while the stack is made, not again later."""
    domains = kept.get("domains") or []
    if domains and not given:
        return []
    question = f"Another mailbox, for example ann@{domain}, with a password that is made (empty for none)"
    check = mailbox_in({domain, *(known["name"] for known in domains if "name" in known)})
    return answers.several(question, flag="--mailbox", given=given, check=check)


def backup(answers: Answers, given: str | None, kept: dict[str, Any], boxes: Callable[[], Sequence[Box]]) -> Box | None:
    """The Storage Box for the backup; None for none, or where there is a backup already, whatever it is.

    `boxes` are asked for with their prices where one is to be chosen. A person is asked while the stack is made.
    """
    if kept.get("backup") or given == NO_BACKUP or not (given or (answers.asking and not kept.get("domains"))):
        return None
    types = {box.type: box for box in boxes()}
    offered = "; ".join(map(str, types.values()))
    question = f"Nightly backup in a Storage Box (empty for none): {offered}"
    chosen = given or next(
        iter(answers.several(question, flag="--backup", given=(), check=one_of(types), at_most=1)), ""
    )
    if chosen and chosen not in types:
        raise WizardError(f"--backup: Hetzner has no {chosen} now. Expected one of: {offered}")
    return types[chosen] if chosen else None


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """A check that an answer is one of these."""

    def check_one(value: str) -> str:
        if value not in known:
            raise ValueError(f"Expected one of {', '.join(known)}")
        return value

    return check_one


def image(answers: Answers, given: str | None, kept: str | None) -> str:
    """Poste's image with the digest that its registry tells; else the person is asked for it, with the reason."""
    if kept and not given:
        return answers.text(IMAGE_QUESTION, flag="--image", given=None, kept=kept, check=checked(ImageReference))
    default, why = None, ""
    if not given:
        try:
            default = with_digest(newest(IMAGE))
        except RegistryError as error:
            why = f" (the newest is not known: {error})"
    return answers.text(IMAGE_QUESTION + why, flag="--image", given=given, default=default, check=pinned)


def pinned(reference: str) -> str:
    """An image with its digest; ValueError, with the reason, where the registry does not tell it."""
    named = checked(ImageReference)(reference)
    try:
        return with_digest(named)
    except RegistryError as error:
        raise ValueError(f"has no digest, and {error}. Expected {named}@sha256:<64 hex digits>") from None


def calling_network(cidr: str) -> str:
    """A network from which this program can reach a server; ValueError with what is expected if it is none."""
    network = checked(Cidr)(cidr)
    reason = unreachable(network) or ("IPv6, and the program calls the server on IPv4" if ":" in network else None)
    if reason:
        raise ValueError(
            f"From there ({reason}) nobody reaches the server. Expected a public address, say 198.51.100.7/32"
        )
    return network


def mailbox_in(domains: Collection[str]) -> Callable[[str], str]:
    """A check that an address is a mailbox in one of the domains."""

    def check_one(value: str) -> str:
        address = checked(EmailAddress)(value)
        if address.rpartition("@")[2] not in domains:
            listed = ", ".join(sorted(domains))
            raise ValueError(
                f"It belongs to none of the domains ({listed}). Expected, for example, admin@{min(domains)}"
            )
        return address

    return check_one


def checked(kind: Any) -> Callable[[str], str]:
    """A check that raises ValueError with what is expected of a value of this kind."""
    adapter = TypeAdapter(kind)

    def check_one(value: str) -> str:
        try:
            return str(adapter.validate_python(value))
        except ValueError as error:
            details = error.errors() if hasattr(error, "errors") else ()
            said = "; ".join(detail["msg"].removeprefix("Value error, ") for detail in details)
            raise ValueError(said.replace("Input should be", "Expected")) from None

    return check_one


def argument(kind: Any) -> Callable[[str], str]:
    """A value of this kind on a command line, in its canonical form."""

    def check_one(value: str) -> str:
        try:
            return checked(kind)(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{value}: {error}") from None

    return check_one
