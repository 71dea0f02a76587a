"""The wizard's story: `make stack STACK=prod DOMAIN=example.com`, or `python -m wizard --help` for all flags."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from components.labels import earlier_comment
from components.record_conflicts import Ownership
from components.ssh_keys import key_mark, ssh_public_key
from components.values import Cidr, EmailAddress, Fqdn, ImageReference
from wizard import passphrase
from wizard.answers import Answers
from wizard.errors import WizardError
from wizard.hetzner import offers
from wizard.keys import new_password, new_ssh_key
from wizard.options import parse
from wizard.plan import Domain, check, domain_paths, list_paths, merged
from wizard.server_choice import choose
from wizard.stack import Stack
from wizard.zone import find_zone, obstacles

IMAGE_QUESTION = (
    "Poste's image with tag and digest, analogic/poste.io:TAG@sha256:…; `docker buildx imagetools inspect "
    "analogic/poste.io:TAG` prints a tag's digest"
)
HETZNER_QUESTION = "Hetzner API token with read and write access, from the project's Security, API tokens"
CLOUDFLARE_QUESTION = "Cloudflare API token with the permissions Zone: Read and DNS: Edit for the domain's zone"


def main(arguments: Sequence[str]) -> int:
    """Make or complete the stack; 0 if it is complete."""
    options = parse(arguments)
    project = yaml.safe_load(Path("Pulumi.yaml").read_text())["name"]
    try:
        make_stack(options, project)
    except WizardError as error:
        print(f"wizard: {error}", file=sys.stderr)
        return 1
    return 0


def make_stack(options: argparse.Namespace, project: str) -> None:
    """Ask, check with the clouds, and only then write."""
    stack = Stack(options.stack, project)
    kept = stack.values()
    hetzner_endpoint = options.hetzner_endpoint or kept.get("hcloud:endpoint")
    cloudflare_url = options.cloudflare_base_url or kept.get("cloudflare:baseUrl")
    needs_passphrase = wants_passphrase(stack, options.secrets_provider, hetzner_endpoint)
    if needs_passphrase and not passphrase.use(stack.name, os.environ) and stack.uses_passphrase:
        raise WizardError(f"Set {passphrase.FILE_VARIABLE} to the file with the passphrase of stack {stack.name}")

    answers = Answers(asking=not options.no_questions and sys.stdin.isatty())
    paths, tokens = asked(answers, options, stack, kept)
    answers.require_all()
    domain_name = paths.pop("domain")

    zone = find_zone(domain_name, tokens["cloudflare:apiToken"], cloudflare_url)
    domain = Domain(domain_name, zone.name, options.dmarc_policy)
    offer = choose(
        offers(tokens["hcloud:token"], hetzner_endpoint),
        options.server_type or kept.get("serverType"),
        options.location or kept.get("location"),
    )
    paths |= {"serverType": offer.type, "location": offer.location, **domain_paths(domain, kept.get("domains") or ())}
    say(f"Server: {offer.type} with {offer.memory:g} GB in {offer.location}, {offer.monthly:.2f} euro a month net")
    say(f"Zone: {zone.name}")
    if not zone.is_active:
        say(f"  not active yet: have the registrar name these servers for it: {', '.join(zone.name_servers)}")
    ownership = Ownership(owner(stack, kept), earlier_comment(project, options.stack))
    in_the_way = list(obstacles(zone, domain_name, paths["mailHost"], ownership))
    for obstacle in in_the_way:
        say(f"  {obstacle}")

    values = {key: value for key, value in kept.items() if not (options.admin_cidr and key == "adminCidrs")}
    check(merged(values, paths))
    if needs_passphrase and not passphrase.use(stack.name, os.environ):
        passphrase.make(stack.name, os.environ)
    write(stack, options, kept, paths, tokens)
    finish(stack, in_the_way)


def owner(stack: Stack, kept: dict[str, Any]) -> str:
    """What marks the stack's DNS records as its own; empty for a stack that is only being made."""
    if "ownerId" in kept:
        return str(kept["ownerId"])
    return key_mark(ssh_public_key(stack.secret("sshHostKey"))) if "sshHostKey" in stack.secrets() else ""


def wants_passphrase(stack: Stack, secrets_provider: str | None, hetzner_endpoint: str | None) -> bool:
    """Whether the secrets are encrypted with a passphrase that must be the stack's own.

    Not so where a key service or Pulumi Cloud encrypts them, nor for the sandbox, whose secrets are worth nothing.
    """
    elsewhere = secrets_provider or (stack.has_secrets_provider and not stack.uses_passphrase)
    in_pulumi_cloud = os.environ.get("PULUMI_BACKEND_URL", "").startswith("http")
    return not (elsewhere or in_pulumi_cloud or passphrase.is_on_this_machine(hetzner_endpoint))


def asked(
    answers: Answers, options: argparse.Namespace, stack: Stack, kept: dict[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """The plain values by path, with the domain beside them as "domain", and the tokens."""
    domains = kept.get("domains") or [{}]
    domain = answers.text(
        "Mail domain", flag="--domain", given=options.domain, kept=domains[0].get("name"), check=checked(Fqdn)
    )
    ask = {
        "mailHost": ("Name of the mail server", "--mail-host", options.mail_host, f"mail.{domain}", Fqdn),
        "adminAddress": (
            "The administrator's mailbox",
            "--admin-address",
            options.admin_address,
            f"admin@{domain}",
            EmailAddress,
        ),
        "posteImage": (IMAGE_QUESTION, "--image", options.image, None, ImageReference),
    }
    paths = {"domain": domain} | {
        key: answers.text(question, flag=flag, given=given, kept=kept.get(key), default=default, check=checked(kind))
        for key, (question, flag, given, default, kind) in ask.items()
    }
    cidrs = options.admin_cidr or kept.get("adminCidrs")
    if not cidrs:
        question = "Network that may use SSH, with this machine in it, for example 198.51.100.7/32"
        cidrs = [answers.text(question, flag="--admin-cidr", given=None, check=checked(Cidr))]
    paths |= list_paths("adminCidrs", cidrs)
    plain = {
        "timeZone": options.time_zone,
        "hcloud:endpoint": options.hetzner_endpoint,
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


def checked(kind: Any) -> Callable[[str], str]:
    """A check that raises ValueError with what is expected of a value of this kind."""
    adapter = TypeAdapter(kind)

    def check_one(value: str) -> str:
        try:
            return str(adapter.validate_python(value))
        except ValueError as error:
            details = error.errors() if hasattr(error, "errors") else ()
            raise ValueError("; ".join(detail["msg"].removeprefix("Value error, ") for detail in details)) from None

    return check_one


def write(
    stack: Stack, options: argparse.Namespace, kept: dict[str, Any], paths: dict[str, str], tokens: dict[str, str]
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
    for key, make in makers.items():
        if key not in there:
            stack.set_secret(key, make())
    say("Secrets: " + ", ".join(f"{key} {'kept' if key in there else 'set'}" for key in makers))


def finish(stack: Stack, in_the_way: Sequence[str]) -> None:
    """Say what comes next."""
    say(f"Stack {stack.name} is complete: {stack.file}. Read a secret with, for example:")
    say(f"  ./run pulumi config get adminPassword --stack {stack.name}")
    if any(obstacle.startswith("in the way") for obstacle in in_the_way):
        say("The preview will stop at the records that are in the way, and say how to take each of them over.")
    file = os.environ.get(passphrase.FILE_VARIABLE)
    if file:
        say(f"Its secrets are encrypted with the passphrase in {file}. Keep a copy; without it they are lost.")
    say("Next:")
    if file:
        say(f"  export {passphrase.FILE_VARIABLE}={file}")
    say(f"  ./run pulumi preview --stack {stack.name} --policy-pack policy")


def say(line: str) -> None:
    """Tell the person."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
