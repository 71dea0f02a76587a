"""The wizard's story: `make stack STACK=prod DOMAIN=example.com`, or `./run mail stack --help` for all flags."""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from model.labels import earlier_comment, unusable_names
from model.public_passphrase import FILE_VARIABLE, is_on_this_machine
from model.record_conflicts import Ownership
from model.ssh_keys import key_mark, ssh_public_key
from model.web_hosts import worker_name
from operate import command_line
from operate.clouds.cloudflare import find_zone, served_hosts
from operate.errors import OperateError, WizardError
from operate.mailboxes import passwords
from operate.mailboxes.book import add
from operate.stacks import passphrase
from operate.stacks.answers import Answers
from operate.stacks.keys import new_password, new_ssh_key
from operate.stacks.obstacles import obstacles
from operate.stacks.offers import boxes as boxes_on_offer
from operate.stacks.offers import offers
from operate.stacks.options import parse
from operate.stacks.plan import (
    BACKUP_SECRETS,
    Domain,
    check,
    domain_paths,
    merged,
    new_mailboxes,
    with_accounts,
    with_mailboxes,
    worker_paths,
)
from operate.stacks.questions import asked, backup, mailboxes
from operate.stacks.relay import relay_paths
from operate.stacks.server_choice import choose
from operate.stacks.stack import Stack

WITH_WORKER = (
    "Worker: mail programs will find their settings by themselves, and senders are told to report what fails to be "
    "encrypted (mtaSts testing); go to enforce when the reports have been quiet for some days"
)
WITHOUT_WORKER = (
    "Worker: none, since the Cloudflare token may not make one. With the rights Workers Scripts: Edit (account) and "
    "Workers Routes: Edit (zone) mail programs would find their settings by themselves (clientSetup), and senders be "
    "told to encrypt (mtaSts): give it these, and run this again"
)


def main(arguments: Sequence[str]) -> int:
    """Make or complete the stack; 0 if it is complete."""
    options = parse(arguments)
    project = yaml.safe_load(Path("Pulumi.yaml").read_text())["name"]
    try:
        with command_line.standard_output_for_json(options):
            in_the_way = make_stack(options, project)
    except OperateError as error:
        print(f"wizard: {error}", file=sys.stderr)
        return command_line.FAILED
    if options.json:
        command_line.show_json(stack=options.stack, obstacles=in_the_way)
    return command_line.DONE


def make_stack(options: argparse.Namespace, project: str) -> list[str]:
    """Ask, check with the clouds, and only then write; what is in the way of the first deploy."""
    for problem in unusable_names(project, options.stack):
        raise WizardError(f"{problem}. Nothing was set")
    stack = Stack(options.stack, project)
    kept = stack.values()
    hetzner_endpoint = options.hetzner_endpoint or kept.get("hcloud:endpoint")
    cloudflare_url = options.cloudflare_base_url or kept.get("cloudflare:baseUrl")
    storage_endpoint = options.hetzner_storage_endpoint or kept.get("hcloud:endpointHetzner")
    needs_passphrase = wants_passphrase(stack, options.secrets_provider, [hetzner_endpoint, cloudflare_url])
    if needs_passphrase and not passphrase.use(stack.name, os.environ) and stack.uses_passphrase:
        raise WizardError(f"Set {FILE_VARIABLE} to the file with the passphrase of stack {stack.name}")

    answers = Answers(asking=not options.no_questions and sys.stdin.isatty())
    paths, tokens = asked(answers, options, stack, kept)
    relay, relay_password = relay_paths(answers, options.relay, options.relay_user)
    answers.require_all()
    domain_name = paths.pop("domain")
    boxes = mailboxes(answers, options.mailbox, domain_name, kept)

    zone = find_zone(domain_name, tokens["cloudflare:apiToken"], cloudflare_url)
    domain = Domain(domain_name, zone.name, options.dmarc_policy)
    offer = choose(
        offers(tokens["hcloud:token"], hetzner_endpoint),
        options.server_type or kept.get("serverType"),
        options.location or kept.get("location"),
    )
    paths |= {
        "serverType": offer.type,
        "location": offer.location,
        **relay,
        **domain_paths(domain, kept.get("domains") or ()),
    }
    say(f"Server: {offer.type} with {offer.memory:g} GB in {offer.location}, {offer.monthly:.2f} euro a month net")
    box = backup(
        answers,
        options.backup,
        kept,
        lambda: boxes_on_offer(tokens["hcloud:token"], hetzner_endpoint, storage_endpoint),
    )
    if box:
        paths |= {"backup.storageBox": box.type, "backup.location": box.location}
        say(f"Backup: {box}")
    say(f"Zone: {zone.name}")
    if not zone.is_active:
        say(f"  not active yet: have the registrar name these servers for it: {', '.join(zone.name_servers)}")
    known_owner = owner(stack, kept)
    paths["ownerId"] = known_owner or secrets.token_hex(8)
    services = served_hosts(zone.account, tokens["cloudflare:apiToken"], cloudflare_url)
    told = worker_paths(kept, may_use_workers=services is not None)
    paths |= told
    say(WITH_WORKER if told else WITHOUT_WORKER if services is None else "Worker: as it is set")
    values = {key: value for key, value in kept.items() if not (options.admin_cidr and key == "adminCidrs")}
    values = with_accounts(merged(values, paths), stack.name)
    boxes = new_mailboxes(values, boxes)
    settings = check(with_mailboxes(values, boxes))
    ours = {host for host, service in (services or {}).items() if service == worker_name(project, settings)}
    ownership = Ownership(known_owner, earlier_comment(project, options.stack), served=ours)
    in_the_way = list(obstacles(zone, settings, ownership))
    for obstacle in in_the_way:
        say(f"  {obstacle}")

    if needs_passphrase and not passphrase.use(stack.name, os.environ):
        passphrase.make(stack.name, os.environ)
    write(stack, options, kept, paths, tokens, relay_password)
    for address in boxes:
        add(stack, {"address": address}, new_password())
        say(f"Mailbox: {address}. Read its password with: {passwords.reading(stack, address)}")
    finish(stack, in_the_way)
    return in_the_way


def owner(stack: Stack, kept: dict[str, Any]) -> str:
    """What marks the stack's DNS records as its own; empty for a stack that is only being made."""
    if "ownerId" in kept:
        return str(kept["ownerId"])
    return key_mark(ssh_public_key(stack.secret("sshHostKey"))) if "sshHostKey" in stack.secrets() else ""


def wants_passphrase(stack: Stack, secrets_provider: str | None, endpoints: Sequence[str | None]) -> bool:
    """Whether the secrets are encrypted with a passphrase that must be the stack's own.

    Not so where a key service or Pulumi Cloud encrypts them, nor for the sandbox, whose secrets are worth nothing.
    """
    elsewhere = secrets_provider or (stack.has_secrets_provider and not stack.uses_passphrase)
    in_pulumi_cloud = os.environ.get("PULUMI_BACKEND_URL", "").startswith("http")
    return not (elsewhere or in_pulumi_cloud or all(map(is_on_this_machine, endpoints)))


def write(
    stack: Stack,
    options: argparse.Namespace,
    kept: dict[str, Any],
    paths: dict[str, str],
    tokens: dict[str, str],
    relay_password: str,
) -> None:
    """Set what is not set yet or was asked to change. Secrets that are there stay, unless they are to be replaced."""
    stack.ensure(options.secrets_provider)
    if options.admin_cidr and "adminCidrs" in kept:
        stack.remove("adminCidrs")
    stack.set_plain(paths)
    there = stack.secrets() - set(options.replace)
    makers: dict[str, Callable[[], str]] = {
        "hcloud:token": lambda: tokens["hcloud:token"],
        "cloudflare:apiToken": lambda: tokens["cloudflare:apiToken"],
        "adminPassword": new_password,
        "sshPrivateKey": new_ssh_key,
        "sshHostKey": new_ssh_key,
    }
    if "backup.storageBox" in paths or (kept.get("backup") or {}).get("storageBox"):
        makers |= BACKUP_SECRETS
    for key, make in makers.items():
        if key not in there:
            stack.set_secret(key, make())
    if relay_password:
        stack.set_secret_in("relay", "password", relay_password)
        say("Relay: put what it tells you about DNS into relay.senders and relay.records, see docs/relay.md")
    say("Secrets: " + ", ".join(f"{key} {'kept' if key in there else 'set'}" for key in makers))


def finish(stack: Stack, in_the_way: Sequence[str]) -> None:
    """Say what comes next."""
    say(f"Stack {stack.name} is complete: {stack.file}. Read a secret with, for example:")
    say(f"  ./run pulumi config get adminPassword --stack {stack.name}")
    if "backupPassphrase" in stack.secrets():
        say("The backup is encrypted with backupPassphrase. Keep that, and this file, elsewhere, too: docs/recovery.md")
    if any(obstacle.startswith("in the way") for obstacle in in_the_way):
        say("The preview will stop at the records that are in the way, and say how to take each of them over.")
    file = os.environ.get(FILE_VARIABLE)
    if file:
        say(f"Its secrets are encrypted with the passphrase in {file}. Keep a copy; without it they are lost.")
    say("Next:")
    if file:
        say(f"  export {FILE_VARIABLE}={file}")
    say(f"  ./run pulumi preview --stack {stack.name} --policy-pack policy")


def say(line: str) -> None:
    """Tell the person."""
    print(line, flush=True)
