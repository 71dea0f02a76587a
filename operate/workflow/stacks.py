"""The stacks that can be deployed from anywhere: `python -m operate.workflow.stacks` prints them as a JSON list."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from model.public_passphrase import is_on_this_machine

PREFIX, SUFFIX = "Pulumi.", ".yaml"


def deployable(folder: Path) -> list[str]:
    """The names of the stacks whose clouds are not a sandbox on one machine, the unprotected ones first."""
    found = sorted((_is_protected(config), name) for name, config in _stacks(folder) if not _is_sandboxed(config))
    return [name for _protected, name in found]


def _stacks(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in folder.glob(f"{PREFIX}*{SUFFIX}"):
        content = yaml.safe_load(file.read_text()) or {}
        yield file.name.removeprefix(PREFIX).removesuffix(SUFFIX), content.get("config") or {}


def _is_sandboxed(config: dict[str, Any]) -> bool:
    return is_on_this_machine(config.get("hcloud:endpoint"))


def _is_protected(config: dict[str, Any]) -> bool:
    """Whether the stack's setting `protect` is on, as it is unless set otherwise."""
    values = [value for key, value in config.items() if key.rpartition(":")[2] == "protect"]
    return str(values[0] if values else True).lower() != "false"


if __name__ == "__main__":
    print(json.dumps(deployable(Path.cwd())))
