"""A stack of its own on the sandbox, driven by the real Pulumi CLI from a copy of the project."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from operate.verify.mailbox import Server
from tests.support.examples import openssh_key
from tests.support.mailbox import SandboxMailbox
from tests.support.own_project import ROOT, Done, OwnProject
from tests.support.warm import warm_python

SECRETS = ("adminPassword", "sshPrivateKey", "sshHostKey", "hcloud:token", "cloudflare:apiToken")

ON_SERVER = 300
"""Seconds that a command may take there: a whole backup, on a machine that has much else to do."""


class Stack(OwnProject):
    """One stack with a backend, a configuration and a copy of the program of its own.

    The copy keeps what a test changes, and what Pulumi writes into a stack's configuration, out of the checkout.
    """

    def __init__(self, folder: Path, name: str, **config: Any) -> None:
        super().__init__(folder / "project", "__main__.py", "policy", backend=folder / "backend", copied=True)
        self.name = name
        self.run("stack", "init", name)
        shutil.copy(ROOT / "Pulumi.dev.yaml", self.config_file(name))
        # Of dev's zone.
        self.configure(**{"dnssec": None} | config)
        # The sandbox writes it into the checkout.
        self.change(name, {"verify:authorities": str(ROOT / ".state/sandbox/authorities.pem")})
        # Hetzner takes each key once in a project; the other secrets may be those of dev.
        for key in ("sshPrivateKey", "sshHostKey"):
            self.set_secret(key, openssh_key())

    def configure(self, **config: Any) -> None:
        """Change settings of the stack; None takes one back."""
        self.change(self.name, {f"poste-mail:{key}": value for key, value in config.items()})

    def setting(self, key: str) -> Any:
        """A setting that is no secret."""
        return yaml.safe_load(self.config_file(self.name).read_text())["config"][f"poste-mail:{key}"]

    def secret(self, key: str) -> str:
        """A secret setting."""
        return self.run("config", "get", key, "--stack", self.name)

    def set_secret(self, key: str, value: str) -> None:
        """Change a secret setting."""
        self.run("config", "set", "--secret", key, "--stack", self.name, stdin=value)

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Set the passwords of mailboxes, by address, and no others."""
        self.change(self.name, {"poste-mail:passwords": None})
        first: dict[str, str] = {}
        for address, password in passwords.items():
            if password not in first:
                path = f'poste-mail:passwords["{address}"]'
                self.run("config", "set", "--secret", "--path", path, "--stack", self.name, stdin=password)
                first[password] = address
        stored = self.setting("passwords")
        # What is encrypted says the same under every key, and a command for each of hundreds takes minutes.
        table = {address: stored[first[password]] for address, password in passwords.items()}
        self.change(self.name, {"poste-mail:passwords": table})

    @contextlib.contextmanager
    def other_settings(self, **config: Any) -> Iterator[None]:
        """Change settings, secret ones too, for a while."""
        before = self.config_file(self.name).read_text()
        try:
            for key, value in config.items():
                if key in SECRETS:
                    self.set_secret(key, value)
                else:
                    self.configure(**{key: value})
            yield
        finally:
            self.config_file(self.name).write_text(before)

    def rename(self, name: str) -> None:
        """Give the stack another name."""
        self.run("stack", "rename", name, "--stack", self.name)
        self.name = name

    def run(self, *arguments: str, expect: int = 0, stdin: str = "") -> str:
        """Run a command of Pulumi; what it printed. Fails with that text on another exit code than expected."""
        done = self.execute(["pulumi", "--non-interactive", *arguments], stdin=stdin)
        assert done.returncode == expect, f"pulumi {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def up(self, *arguments: str) -> str:
        """Deploy."""
        return self.run("up", "--yes", "--skip-preview", "--stack", self.name, *arguments)

    def refused(self, *arguments: str) -> str:
        """What a preview that must fail says."""
        return self.run("preview", "--stack", self.name, *arguments, expect=1)

    def killed_up(self, moment: str, *arguments: str) -> None:
        """Start a deploy and kill it, with everything it started, as soon as it prints `moment`."""
        process = subprocess.Popen(
            ["pulumi", "--non-interactive", "up", "--yes", "--skip-preview", "--stack", self.name, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        printed = []
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                printed.append(line)
                if moment in line:
                    break
            else:
                raise AssertionError(f"the deploy never came to {moment!r}:\n{''.join(printed)}")
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        self.end_of_the_killed()
        self.run("cancel", "--yes", "--stack", self.name)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets hidden."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json", "--stack", self.name))
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The stack's resources as its state has them."""
        deployment = json.loads(self.run("stack", "export", "--stack", self.name))["deployment"]
        found: list[dict[str, Any]] = deployment.get("resources", [])
        return found

    def secrets(self) -> list[str]:
        """Pieces of the stack's secrets that must stand nowhere in clear."""
        values = [self.run("config", "get", key, "--stack", self.name).strip().splitlines() for key in SECRETS]
        # Of a key, a line from its middle: its frame is no secret.
        return [lines[len(lines) // 2] for lines in values]

    def on_server(self, command: str) -> str:
        """Run a command on the server, with the administrator's key and the host key checked."""
        files = self.folder / ".state/ssh" / self.name
        outputs = self.outputs()
        options = {
            "IdentityFile": files / "identity",
            "UserKnownHostsFile": files / "known_hosts",
            "HostKeyAlias": outputs["mailHost"],
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 30,
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        done = subprocess.run(
            ["ssh", *flags, f"root@{outputs['ipv4']}", command],
            capture_output=True,
            text=True,
            timeout=ON_SERVER,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mailbox(self) -> SandboxMailbox:
        """The administrator's mailbox."""
        outputs = self.outputs()
        password = self.run("config", "get", "adminPassword", "--stack", self.name).strip()
        return SandboxMailbox(outputs["adminAddress"], password, Server(outputs["mailHost"], outputs["ipv4"]))

    def mail(self, *arguments: str, **variables: str) -> Done:
        """Run one of the project's own commands, however it ends."""
        return self.execute([str(warm_python().interpreter), "-m", "operate", *arguments], apart=True, **variables)

    def python(self, *arguments: str) -> str:
        """Run one of the project's own programs against this stack."""
        done = self.execute([str(warm_python().interpreter), "-m", *arguments])
        assert done.returncode == 0, done.stdout
        return done.stdout
