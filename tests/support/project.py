"""A Pulumi project of a test's own, against clouds of its own that keep the books only: no machines, no sandbox."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.examples import VALUES
from tests.support.warm import warm_python

ROOT = Path(__file__).parents[2]
SECONDS_TO_START = 30
SHARED = ("components", "model", "remote")


@dataclass(frozen=True)
class Clouds:
    """The ports of the two APIs on this machine."""

    hetzner: int
    cloudflare: int


@dataclass(frozen=True)
class Project:
    """The project's folder, with the product's modules and the configuration of its stack dev."""

    folder: Path

    def pulumi(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run Pulumi in the project; what it prints comes as one text."""
        variables = os.environ | {
            "HOME": str(self.folder),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "POSTE_MAIL_PYTHON": str(warm_python().interpreter),
        }
        return subprocess.run(
            [str(ROOT / "run"), "pulumi", *arguments, "--stack", "dev", "--non-interactive"],
            cwd=self.folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def with_pack(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run Pulumi with the policy pack."""
        return self.pulumi(*arguments, "--policy-pack", str(ROOT / "policy"))


def make_project(folder: Path, clouds: Clouds, program: str) -> Project:
    """A project whose `__main__.py` is `program` and whose stack dev is the product's, but for the APIs' ports."""
    (folder / "backend").mkdir(parents=True)
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    (folder / ".venv").symlink_to(warm_python().virtualenv)
    (folder / "__main__.py").write_text(program)
    stack = (ROOT / "Pulumi.dev.yaml").read_text()
    for key, port, path in (
        ("hcloud:endpoint", clouds.hetzner, "v1"),
        ("cloudflare:baseUrl", clouds.cloudflare, "client/v4"),
    ):
        stack = re.sub(rf"{key}: .*", f"{key}: http://127.0.0.1:{port}/{path}", stack)
    (folder / "Pulumi.dev.yaml").write_text(stack)
    project = Project(folder)
    done = project.pulumi("stack", "select", "--create")
    assert done.returncode == 0, done.stdout
    return project


def handed_over(**changes: Any) -> dict[str, str]:
    """An example's configuration as the engine hands it over: text, with arrays and objects as JSON."""
    values = {**VALUES, **changes}
    return {
        f"poste-mail:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


@contextmanager
def clouds_on_paper(folder: Path) -> Iterator[Clouds]:
    """Both APIs, started for as long as the block lasts."""
    clouds = Clouds(hetzner=_free_port(), cloudflare=_free_port())
    commands = (
        ["offline.sandbox.datacentre", "--on-paper", "--port", str(clouds.hetzner)],
        ["offline.sandbox.internet.cloudflare", "--port", str(clouds.cloudflare)],
    )
    with (folder / "clouds.log").open("w") as log:
        processes = [
            subprocess.Popen([str(warm_python().interpreter), "-m", *command], cwd=ROOT, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            for port in (clouds.hetzner, clouds.cloudflare):
                _wait_for(port)
            yield clouds
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")
