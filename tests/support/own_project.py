"""A project with a folder and a back end of its own, so that no test meets the stacks of another, or of the person."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.warm import warm_python

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "run")
PARTS = ("components", "model", "remote", "Pulumi.yaml")
"""What each such project has of the product."""
SECONDS = 900
"""Within which a command has to end."""
LAST_MOMENTS = 20
"""Seconds after which nobody waits any more for what a killed command had started."""
PROCESSES = Path("/proc")

Done = subprocess.CompletedProcess[str]


class OwnProject:
    """Parts of the product in a folder, as links or as copies, and how commands run there."""

    def __init__(self, folder: Path, *parts: str, backend: Path | None = None, copied: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in (*PARTS, *parts):
            _put(ROOT / part, folder / part, copied=copied)
        (folder / ".venv").symlink_to(warm_python().virtualenv)
        backend = backend or folder / "backend"
        backend.mkdir()
        self.environment = os.environ | {
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "POSTE_MAIL_PYTHON": str(warm_python().interpreter),
        }

    def execute(self, command: Sequence[str], *, stdin: str = "", apart: bool = False, **variables: str) -> Done:
        """Run a command to its end. What it prints is one text, unless the two streams are to be told `apart`."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | variables,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def end_of_the_killed(self) -> None:
        """Wait until all that a killed command had started is gone, which may be at work for another moment."""
        deadline = time.monotonic() + LAST_MOMENTS
        while any(_works_in(process, self.folder) for process in PROCESSES.glob("[0-9]*")):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)

    def config_file(self, stack: str) -> Path:
        """A stack's configuration."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def change(self, stack: str, values: dict[str, Any]) -> None:
        """Set values of a stack's configuration that are no secrets, by full key; None takes one out."""
        content = yaml.safe_load(self.config_file(stack).read_text())
        kept = {key: value for key, value in content["config"].items() if key not in values}
        content["config"] = kept | {key: value for key, value in values.items() if value is not None}
        self.config_file(stack).write_text(yaml.safe_dump(content))


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder.resolve())
    except OSError:  # it has ended, or is another person's
        return False


def _put(source: Path, target: Path, *, copied: bool) -> None:
    if not copied:
        target.symlink_to(source)
    elif source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
