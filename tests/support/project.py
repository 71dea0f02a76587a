"""A Pulumi project of a test's own, against clouds of its own that keep the books only: no machines, no sandbox."""

import json
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
from tests.support.free_port import free_port
from tests.support.own_project import ROOT, RUN, Done, OwnProject
from tests.support.warm import warm_python

SECONDS_TO_START = 120


@dataclass(frozen=True)
class Clouds:
    """The ports of the two APIs on this machine."""

    hetzner: int
    cloudflare: int


class Project(OwnProject):
    """A program with the product's modules, and the product's stack dev but for the APIs' ports."""

    def __init__(self, folder: Path, clouds: Clouds, program: str) -> None:
        super().__init__(folder)
        self.write(program)
        shutil.copy(ROOT / "Pulumi.dev.yaml", folder)
        self.change(
            "dev",
            {
                "hcloud:endpoint": f"http://127.0.0.1:{clouds.hetzner}/v1",
                "hcloud:endpointHetzner": f"http://127.0.0.1:{clouds.hetzner}/v1",
                "cloudflare:baseUrl": f"http://127.0.0.1:{clouds.cloudflare}/client/v4",
            },
        )
        done = self.pulumi("stack", "select", "--create")
        assert done.returncode == 0, done.stdout

    def write(self, program: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(program)

    def pulumi(self, *arguments: str) -> Done:
        """Run Pulumi in the project; what it prints comes as one text."""
        return self.execute([RUN, "pulumi", *arguments, "--stack", "dev", "--non-interactive"])

    def with_pack(self, *arguments: str) -> Done:
        """Run Pulumi with the policy pack."""
        return self.pulumi(*arguments, "--policy-pack", str(ROOT / "policy"))


def handed_over(**changes: Any) -> dict[str, str]:
    """An example's configuration as the engine hands it over: text, with arrays and objects as JSON."""
    values = {**VALUES, **changes}
    return {
        f"poste-mail:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


@contextmanager
def clouds_on_paper(folder: Path) -> Iterator[Clouds]:
    """Both APIs, started for as long as the block lasts."""
    clouds = Clouds(hetzner=free_port(), cloudflare=free_port())
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


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")
