"""The rules for commands, secrets, passwords and providers."""

import json
from dataclasses import replace
from typing import Any

import pytest

from policy.model import COMMAND, CONTAINER, COPY, DOCKER_PROVIDER, STACK, UNKNOWN, Resource
from tests.policy.case import PROD, Case, findings, holds, sentence

PINNED = {"host": "198.51.100.140", "hostKey": "ssh-ed25519 AAAA", "user": "root"}
TRUSTING = {"host": "198.51.100.140", "user": "root"}
SSH_KEY = "-----BEGIN KEY-----\n" + "A" * 70 + "\n" + "B" * 70 + "\nCC==\n-----END KEY-----\n"
WITH_KEY = replace(PROD, config={"poste-mail:sshPrivateKey": SSH_KEY})
CHECKING = json.dumps(["-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=~/known_hosts"])


def command(**props: Any) -> Resource:
    return Resource(COMMAND, "script", props)


def docker(**props: Any) -> Resource:
    return Resource(DOCKER_PROVIDER, "poste", props)


def output(**props: Any) -> Resource:
    return Resource(STACK, "poste-mail-prod", props)


def configured(**config: Any) -> Any:
    return replace(PROD, config={f"poste-mail:{key}": value for key, value in config.items()})


CASES = [
    Case(
        "a connection that pins the host key",
        "host-key-pinned",
        [command(connection=PINNED), Resource(COPY, "file", {"connection": PINNED})],
    ),
    Case("a command that trusts any server", "host-key-pinned", [command(connection=TRUSTING)], "the host's key"),
    Case(
        "a copy that trusts any server",
        "host-key-pinned",
        [Resource(COPY, "file", {"connection": TRUSTING})],
        "the host's key",
    ),
    Case(
        "a proxy that is trusted unseen",
        "host-key-pinned",
        [command(connection=PINNED | {"proxy": TRUSTING})],
        "the proxy's key",
    ),
    Case(
        "a connection to where is not known yet, its key pinned",
        "host-key-pinned",
        [command(connection=PINNED | {"host": UNKNOWN}), command(connection=PINNED | {"hostKey": UNKNOWN})],
    ),
    Case(
        "a connection to where is not known yet, its key not pinned",
        "host-key-pinned",
        [command(connection=TRUSTING | {"host": UNKNOWN})],
        "the host's key",
    ),
    Case(
        "a connection that is not known yet",
        "host-key-pinned",
        [command(connection=UNKNOWN)],
    ),
    Case(
        "Docker over SSH that checks the host key",
        "host-key-pinned",
        [docker(host="ssh://root@198.51.100.140:22", sshOpts=CHECKING), docker(host=UNKNOWN, sshOpts=CHECKING)],
    ),
    Case(
        "Docker over SSH that does not ask",
        "host-key-pinned",
        [docker(host="ssh://root@198.51.100.140:22", sshOpts='["-o","StrictHostKeyChecking=no"]')],
        "server's key",
    ),
    Case(
        "Docker over SSH with nothing said",
        "host-key-pinned",
        [docker(host="ssh://root@198.51.100.140:22")],
        "server's key",
    ),
    Case(
        "Docker over SSH to where is not known yet that does not ask",
        "host-key-pinned",
        [docker(host=UNKNOWN, sshOpts='["-o","StrictHostKeyChecking=no"]')],
        "server's key",
    ),
    Case("Docker to where is not known yet", "host-key-pinned", [docker(host=UNKNOWN)]),
    Case("Docker without SSH", "host-key-pinned", [docker(host="unix:///var/run/docker.sock")]),
    Case(
        "Docker with options that are not known yet",
        "host-key-pinned",
        [docker(host=UNKNOWN, sshOpts=UNKNOWN), docker(sshOpts=["-o", UNKNOWN]), docker(sshOpts=["-o", UNKNOWN])],
    ),
    Case(
        "a secret by standard input",
        "no-secret-on-command-line",
        [command(create="python3 install.py", stdin=json.dumps({"password": "Guide-Rule-10"}), connection=PINNED)],
    ),
    Case(
        "a secret of the configuration on a command line",
        "no-secret-on-command-line",
        [command(create="poste email:create admin@example.com Guide-Rule-10")],
        "adminPassword",
    ),
    Case(
        "a secret of the configuration in an environment",
        "no-secret-on-command-line",
        [command(create="true", environment={"PASSWORD": "Guide-Rule-10"})],
        "environment",
    ),
    Case(
        "a secret in a container's environment",
        "no-secret-on-command-line",
        [Resource(CONTAINER, "poste", {"envs": ["PASSWORD=Guide-Rule-10"]})],
        "envs",
    ),
    Case(
        "the input's password on the command line",
        "no-secret-on-command-line",
        [command(update="echo Other-Rule-11", stdin=json.dumps({"boxes": [{"password": "Other-Rule-11"}]}))],
        "stdin.boxes[0].password",
    ),
    Case(
        "the connection's key on the command line",
        "no-secret-on-command-line",
        [command(create=f"echo {SSH_KEY}", connection=PINNED | {"privateKey": SSH_KEY})],
        "connection.privateKey",
    ),
    Case(
        "a key with its line breaks written otherwise",
        "no-secret-on-command-line",
        [command(create=f"echo {json.dumps(SSH_KEY)}")],
        "sshPrivateKey",
        stack=WITH_KEY,
    ),
    Case(
        "a command that is not known yet",
        "no-secret-on-command-line",
        [command(create=UNKNOWN, update=UNKNOWN, stdin=UNKNOWN, connection=UNKNOWN, triggers=[UNKNOWN])],
    ),
    Case(
        "outputs without secrets",
        "no-secret-in-outputs",
        [output(mailHost="mail.example.com"), command(stdout='{"ok": true}', stdin="Guide-Rule-10")],
    ),
    Case(
        "a secret in an output",
        "no-secret-in-outputs",
        [output(login={"password": "Guide-Rule-10"})],
        "output login holds the secret poste-mail:adminPassword",
    ),
    Case("a secret that a command prints", "no-secret-in-outputs", [command(stderr="wrong: Guide-Rule-10")], "stderr"),
    Case(
        "outputs that are not known yet",
        "no-secret-in-outputs",
        [output(ipv4=UNKNOWN, nested={"key": UNKNOWN}), command(stdout=UNKNOWN, stderr=UNKNOWN)],
    ),
    Case(
        "strong passwords",
        "passwords-strong",
        [output(), command(stdin=json.dumps({"password": "Guide-Rule-10"})), command(stdin="no JSON")],
    ),
    Case(
        "a weak administrator's password",
        "passwords-strong",
        [output()],
        "adminPassword lacks a digit",
        stack=configured(adminPassword="Guide-Rule-Ten"),
    ),
    Case(
        "a password of digits only",
        "passwords-strong",
        [output()],
        "letter",
        stack=configured(adminPassword="12345678901"),
    ),
    Case(
        "a weak mailbox's password in the configuration",
        "passwords-strong",
        [output()],
        "mailboxes[0].password",
        stack=configured(mailboxes=[{"address": "a@example.com", "password": "abc"}]),
    ),
    Case(
        "a weak password that a script gets",
        "passwords-strong",
        [command(stdin=json.dumps({"mailboxes": [{"password": "Short-1"}]}))],
        "at least 10 characters",
    ),
    Case("a password that is not known yet", "passwords-strong", [command(stdin=UNKNOWN)]),
    Case(
        "providers of the program's own",
        "providers-explicit",
        [Resource("pulumi:providers:hcloud", "hcloud", {"token": UNKNOWN}), docker()],
    ),
    Case(
        "a default provider of no version",
        "providers-explicit",
        [Resource("pulumi:providers:docker", "default")],
        "default provider of docker",
    ),
    Case(
        "a default provider",
        "providers-explicit",
        [Resource("pulumi:providers:hcloud", "default_1_43_0")],
        "default provider of hcloud",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)


def test_a_connection_that_the_command_plugin_blanks_because_part_of_it_is_not_known_waits_for_the_update() -> None:
    blank = {"host": "", "user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert findings(Case("", "host-key-pinned", [command(connection=blank)])) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.finds], ids=sentence)
def test_no_finding_repeats_a_secret(case: Case) -> None:
    said = " ".join(findings(case))
    for secret in ("Guide-Rule", "Other-Rule", "Short-1", "12345678901", "AAAA", "BBBB"):
        assert secret not in said
