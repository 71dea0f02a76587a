"""Stacks that are measured: the product's program on clouds that keep the books only, each started for one stack."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

ROOT = Path(__file__).parents[1]
PROGRAM = (ROOT / "__main__.py").read_text()
SECONDS_TO_START = 60
SECONDS = 900
"""After which a run of Pulumi is given up."""


class BenchmarkError(Exception):
    """Something that was to be measured failed; the text says what it printed."""


@dataclass(frozen=True)
class Run:
    """What one run of Pulumi took."""

    seconds: float
    processor: float
    """Seconds of a processor, of all processes that it started: the quieter figure on a busy machine."""
    megabytes: float
    """Resident memory of the largest of those processes, at its peak."""


class Project:
    """A folder with a program and a stack dev."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder
        (folder / "backend").mkdir(parents=True)
        for name in ("components", "model", "remote", ".venv", "Pulumi.yaml"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "__main__.py").write_text(program)

    def configure(self, hetzner: int, cloudflare: int, domains: Sequence[Mapping[str, Any]]) -> None:
        """The stack of the sandbox, with the APIs at these ports and with these domains."""
        stack = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
        stack["config"] |= {
            "hcloud:endpoint": f"http://127.0.0.1:{hetzner}/v1",
            "hcloud:endpointHetzner": f"http://127.0.0.1:{hetzner}/v1",
            "cloudflare:baseUrl": f"http://127.0.0.1:{cloudflare}/client/v4",
            "poste-mail:domains": list(domains),
        }
        (self.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(stack))
        self.pulumi("stack", "select", "--create")

    def pulumi(self, *arguments: str, variables: dict[str, str] | None = None) -> Run:
        """Run Pulumi; raises BenchmarkError if it fails."""
        environment = os.environ | {
            "HOME": str(self.folder),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        command = ["timeout", str(SECONDS), "pulumi", *arguments, "--stack", "dev", "--non-interactive"]
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+") as printed:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment | (variables or {}), stdout=printed, stderr=printed
            )
            # Not `wait`, which does not tell what the process and those that it waited for have used.
            _pid, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                printed.seek(0)
                raise BenchmarkError(f"pulumi {' '.join(arguments)} failed:\n{printed.read()[-3000:]}")
        return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def stack(program: str, domains: Sequence[Mapping[str, Any]], zones: Sequence[str] = ()) -> Iterator[Project]:
    """A stack that is not deployed yet, with its clouds, for as long as the block lasts.

    `zones` are made at Cloudflare beside those of the sandbox.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        ports = {"offline.sandbox.datacentre": _free_port(), "offline.sandbox.internet.cloudflare": _free_port()}
        hetzner, cloudflare = ports.values()
        with (Path(folder) / "clouds.log").open("w") as log:
            clouds = [
                subprocess.Popen(
                    [sys.executable, "-m", module, "--port", str(port), *(["--on-paper"] if port == hetzner else [])],
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )
                for module, port in ports.items()
            ]
            try:
                for port in ports.values():
                    _wait_for(port)
                for zone in zones:
                    _add_zone(cloudflare, zone)
                project = Project(Path(folder) / "project", program)
                project.configure(hetzner, cloudflare, domains)
                yield project
            finally:
                for cloud in clouds:
                    cloud.terminate()
                for cloud in clouds:
                    cloud.wait()


def plugins() -> str:
    """Which plugins the engine uses: `official` or `stand-ins`."""
    home = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"))
    found = sorted(home.glob("plugins/resource-*/pulumi-resource-*"))
    scripts = [plugin for plugin in found if plugin.read_bytes()[:2] == b"#!"]
    return "stand-ins" if scripts else "official"


def processor() -> str:
    """The machine's processors."""
    named = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{os.cpu_count()} x {named[1] if named else 'unknown processor'}"


def _add_zone(cloudflare: int, name: str) -> None:
    url = f"http://127.0.0.1:{cloudflare}/_sandbox/zones"
    requests.post(url, json={"name": name}, timeout=10).raise_for_status()


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
    raise BenchmarkError(f"nothing answers on port {port}")
