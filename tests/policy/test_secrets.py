"""The rules for secrets, passwords and providers."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from model.cloud_init import user_data
from model.ssh_keys import ssh_public_key
from policy.model import (
    COMMAND,
    CONTAINER,
    COPY,
    DNS_RECORD,
    DOCKER_PROVIDER,
    LOCAL_COMMAND,
    SERVER,
    STACK,
    UNKNOWN,
    WORKER,
    Resource,
)
from tests.support.case import PROD, Case, findings, holds, sentence
from tests.support.examples import HOST_KEY, PASSWORD

PINNED = {"host": "198.51.100.140", "hostKey": "ssh-ed25519 AAAA", "user": "root"}
SSH_KEY = "-----BEGIN KEY-----\n" + "A" * 70 + "\n" + "B" * 70 + "\nCC==\n-----END KEY-----\n"
WITH_KEY = replace(PROD, config={"poste-mail:sshPrivateKey": SSH_KEY})
WITH_HOST_KEY = replace(PROD, config=dict(PROD.config) | {"poste-mail:sshHostKey": HOST_KEY})
FIRST_BOOT = user_data(HOST_KEY, ssh_public_key(HOST_KEY), 0)
IN_BASE64 = base64.b64encode(PASSWORD.encode()).decode()


def command(**props: Any) -> Resource:
    return Resource(COMMAND, "script", props)


def docker(**props: Any) -> Resource:
    return Resource(DOCKER_PROVIDER, "poste", props)


def local(**props: Any) -> Resource:
    return Resource(LOCAL_COMMAND, "script", props)


def server(**props: Any) -> Resource:
    return Resource(SERVER, "mail", props)


def record(**props: Any) -> Resource:
    return Resource(DNS_RECORD, "x", {"type": "TXT"} | props)


def output(**props: Any) -> Resource:
    return Resource(STACK, "poste-mail-prod", props)


def configured(**config: Any) -> Any:
    return replace(PROD, config={f"poste-mail:{key}": value for key, value in config.items()})


CASES = [
    Case(
        "a secret by standard input",
        "no-secret-shown",
        [command(create="python3 install.py", stdin=json.dumps({"password": "Guide-Rule-10"}), connection=PINNED)],
    ),
    Case(
        "a secret of the configuration on a command line",
        "no-secret-shown",
        [command(create="poste email:create admin@example.com Guide-Rule-10")],
        "adminPassword",
    ),
    Case(
        "a secret of the configuration in an environment",
        "no-secret-shown",
        [command(create="true", environment={"PASSWORD": "Guide-Rule-10"})],
        "environment",
    ),
    Case(
        "a secret in a container's environment",
        "no-secret-shown",
        [Resource(CONTAINER, "poste", {"envs": ["PASSWORD=Guide-Rule-10"]})],
        "envs",
    ),
    Case(
        "a secret in a Worker's script",
        "no-secret-shown",
        [Resource(WORKER, "worker", {"content": 'const TEXTS = {"policies": "Guide-Rule-10"};'})],
        "content",
    ),
    Case(
        "a secret that a Worker is bound to",
        "no-secret-shown",
        [Resource(WORKER, "worker", {"bindings": [{"type": "secret_text", "text": "Guide-Rule-10"}]})],
        "bindings",
    ),
    Case(
        "the input's password on the command line",
        "no-secret-shown",
        [command(update="echo Other-Rule-11", stdin=json.dumps({"boxes": [{"password": "Other-Rule-11"}]}))],
        "stdin.boxes[0].password",
    ),
    Case(
        "the connection's key on the command line",
        "no-secret-shown",
        [command(create=f"echo {SSH_KEY}", connection=PINNED | {"privateKey": SSH_KEY})],
        "connection.privateKey",
    ),
    Case(
        "a key with its line breaks written otherwise",
        "no-secret-shown",
        [command(create=f"echo {json.dumps(SSH_KEY)}")],
        "sshPrivateKey",
        stack=WITH_KEY,
    ),
    *(
        Case(f"a secret in {name} of a local command", "no-secret-shown", [local(**{name: value})], f"property {name}")
        for name, value in {
            "create": f"login {PASSWORD}",
            "update": f"login {PASSWORD}",
            "delete": f"login {PASSWORD}",
            "environment": {"PASSWORD": PASSWORD},
            "interpreter": ["sh", "-c", PASSWORD],
            "triggers": [PASSWORD],
            "dir": f"/srv/{PASSWORD}",
            "assetPaths": [PASSWORD],
        }.items()
    ),
    Case("a secret that a local command is given", "no-secret-shown", [local(create="login", stdin=PASSWORD)]),
    *(
        Case(
            f"a secret in {name} of a remote command", "no-secret-shown", [command(**{name: value})], f"property {name}"
        )
        for name, value in {
            "update": f"login {PASSWORD}",
            "delete": f"login {PASSWORD}",
            "interpreter": ["sh", PASSWORD],
            "triggers": [{"a": PASSWORD}],
        }.items()
    ),
    Case(
        "a secret in a file that is copied",
        "no-secret-shown",
        [Resource(COPY, "x", {"source": PASSWORD, "connection": PINNED})],
        "property source",
    ),
    Case(
        "a secret in the server's user data",
        "no-secret-shown",
        [server(userData=f"{FIRST_BOOT}# {PASSWORD}")],
        "property userData holds the secret poste-mail:adminPassword",
        stack=WITH_HOST_KEY,
    ),
    Case(
        "the server's user data with its host key",
        "no-secret-shown",
        [server(userData=FIRST_BOOT)],
        stack=WITH_HOST_KEY,
    ),
    Case(
        "the host key in a label",
        "no-secret-shown",
        [server(labels={"key": HOST_KEY})],
        "property labels",
        stack=WITH_HOST_KEY,
    ),
    Case("a secret in a label", "no-secret-shown", [server(labels={"password": PASSWORD})], "property labels"),
    Case(
        "a secret in a DNS record",
        "no-secret-shown",
        [record(content=f'"password={PASSWORD}"')],
        "property content holds the secret poste-mail:adminPassword",
    ),
    Case(
        "a secret in a DNS record's two strings", "no-secret-shown", [record(content='"Guide-" "Rule-10"')], "content"
    ),
    Case("a secret in a DNS record's comment", "no-secret-shown", [record(comment=PASSWORD)], "comment"),
    Case("an account's token in a DNS record", "no-secret-shown", [record(content="h" * 64)], "hcloud:token"),
    *(
        Case(f"a secret in {name} of a container", "no-secret-shown", [Resource(CONTAINER, "x", {name: value})], name)
        for name, value in {
            "command": ["login", IN_BASE64],
            "labels": [{"label": "x", "value": PASSWORD}],
            "uploads": [{"file": "/x", "contentBase64": IN_BASE64}],
            "healthcheck": {"tests": ["CMD", PASSWORD]},
        }.items()
    ),
    Case("a secret in base64 on a command line", "no-secret-shown", [command(create=f"echo {IN_BASE64}")], "create"),
    Case(
        "a secret in another kind of resource",
        "no-secret-shown",
        [Resource("a:b:C", "x", {"d": [PASSWORD]})],
        "d holds",
    ),
    Case(
        "a provider's account",
        "no-secret-shown",
        [
            Resource("pulumi:providers:hcloud", "hcloud", {"token": "h" * 64}),
            docker(registryAuth=json.dumps([{"password": "h" * 64}])),
        ],
    ),
    Case("a secret in Docker's options", "no-secret-shown", [docker(sshOpts=f'["{PASSWORD}"]')], "sshOpts"),
    Case(
        "a command that is not known yet",
        "no-secret-shown",
        [command(create=UNKNOWN, update=UNKNOWN, stdin=UNKNOWN, connection=UNKNOWN, triggers=[UNKNOWN])],
    ),
    *(
        Case(
            f"a secret in clear in {name}",
            "secrets-encrypted",
            [replace(found, in_clear={name: value})],
            f"{name} holds the secret",
            WITH_HOST_KEY,
        )
        for found, name, value in (
            (command(), "stdin", json.dumps({"password": PASSWORD})),
            (command(), "connection", {"privateKey": HOST_KEY}),
            (command(), "environment", {"PASSWORD": PASSWORD}),
            (local(), "stdin", PASSWORD),
            (server(), "userData", FIRST_BOOT),
            (docker(), "registryAuth", IN_BASE64),
            (Resource("pulumi:providers:hcloud", "x"), "token", "h" * 64),
        )
    ),
    Case(
        "the input's own password in clear",
        "secrets-encrypted",
        [replace(command(stdin='{"password": "Other-Rule-11"}'), in_clear={"stdin": '{"password": "Other-Rule-11"}'})],
        "stdin.password",
    ),
    Case(
        "secrets that are encrypted, and what is none",
        "secrets-encrypted",
        [replace(command(create=UNKNOWN, stdin=PASSWORD), in_clear={"create": "login", "stdin": None}), server()],
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
    Case("a secret in base64 in an output", "no-secret-in-outputs", [output(login=IN_BASE64)], "output login"),
    Case("a secret that a local command prints", "no-secret-in-outputs", [local(stdout=PASSWORD)], "output stdout"),
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
        "passwords by address, and when they are set",
        "passwords-strong",
        [output()],
        stack=configured(
            passwords={"ann@example.com": "Guide-Rule-10"},
            domains=[{"name": "example.com", "mailboxes": [{"address": "ann@example.com", "password": "always"}]}],
        ),
    ),
    Case(
        "a weak password in the table by address",
        "passwords-strong",
        [output()],
        "The password in poste-mail:passwords.ann@example.com lacks",
        stack=configured(passwords={"ann@example.com": "Guide-Rule-Ten"}),
    ),
    Case(
        "a password of the table on a command line",
        "no-secret-shown",
        [command(create="login Table-Rule-13")],
        "poste-mail:passwords.ann@example.com",
        stack=configured(passwords={"ann@example.com": "Table-Rule-13"}),
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
    Case("the engine's own provider", "providers-explicit", [Resource("pulumi:providers:pulumi", "default")]),
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


@pytest.mark.parametrize("case", [case for case in CASES if case.finds], ids=sentence)
def test_no_finding_repeats_a_secret(case: Case) -> None:
    said = " ".join(findings(case))
    for secret in ("Guide-Rule", "Other-Rule", "Short-1", "12345678901", "AAAA", "BBBB"):
        assert secret not in said
