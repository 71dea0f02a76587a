"""A `pulumi` that keeps a stack's configuration in its file, secrets as base64, and notes what it was called with."""

import base64
import json
import os
import re
import stat
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

PROJECT = "poste-mail"
CALLS = Path("calls")
OUTPUTS = Path("outputs.json")
"""The stack's outputs; without this file nothing was deployed."""
BROKEN = Path("broken")
"""While this file is there, no secret can be set or removed."""


def put_on_path(folder: Path, path: str) -> str:
    """Make the program in a folder; the search path on which it comes first."""
    program = folder / "pulumi"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.support.pulumi_on_paper import main\nmain(sys.argv[1:])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{path}"


def secured(value: str) -> dict[str, str]:
    """A secret as the file has it."""
    return {"secure": base64.b64encode(value.encode()).decode()}


def revealed(value: Any) -> Any:
    """A value with the secrets in it."""
    if isinstance(value, dict):
        if value.keys() == {"secure"}:
            return base64.b64decode(value["secure"]).decode()
        return {key: revealed(entry) for key, entry in value.items()}
    return [revealed(entry) for entry in value] if isinstance(value, list) else value


def main(arguments: list[str]) -> None:
    """Carry a command out as Pulumi does."""
    with CALLS.open("a") as calls:
        calls.write(f"{' '.join(arguments)}\n")
    stack = arguments[arguments.index("--stack") + 1] if "--stack" in arguments else "prod"
    file = Path(f"Pulumi.{stack}.yaml")
    content = (yaml.safe_load(file.read_text()) if file.exists() else None) or {"config": {}}
    words = [word for word in arguments if not word.startswith("--")]
    match words[:2]:
        case ["stack", "output"]:
            print(OUTPUTS.read_text() if OUTPUTS.exists() else "{}")
        case ["stack", "ls"]:
            print(json.dumps([{"name": file.stem.removeprefix("Pulumi.")}] if file.exists() else []))
        case ["stack", "init"]:
            file.write_text(yaml.safe_dump(content))
        case ["config", "set-all"]:
            for path, _, value in (word.partition("=") for word in words if "=" in word):
                _set_at(content["config"], path, value)
            file.write_text(yaml.safe_dump(content, sort_keys=False))
        case ["config", "set" | "rm" as verb]:
            if BROKEN.exists():
                sys.exit("error: broken")
            table, name = _place(content["config"], words[2])
            if verb == "rm":
                del table[name]
            else:
                table[name] = secured(sys.stdin.read())
            file.write_text(yaml.safe_dump(content, sort_keys=False))
        case ["config", _]:
            print(json.dumps({key: _shown(value) for key, value in content["config"].items()}))
        case _:
            sys.exit(f"error: no such command on paper: {arguments}")


def _place(config: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    nested = re.fullmatch(r'(\w+)\["(.+)"\]', path)
    if nested:
        return config.setdefault(f"{PROJECT}:{nested[1]}", {}), nested[2]
    return config, _full(path)


def _full(key: str) -> str:
    return key if ":" in key else f"{PROJECT}:{key}"


def _set_at(config: dict[str, Any], path: str, value: str) -> None:
    """Set a plain value at a path such as domains[0].name."""
    key, *rest = re.findall(r"[^\[\].]+", path)
    parts: list[str | int] = [_full(key), *(int(p) if p.isdigit() else p for p in rest)]
    target: Any = config
    for part, following in pairwise(parts):
        if isinstance(target, list):
            target.extend([[] if isinstance(following, int) else {}][: part == len(target)])
            target = target[int(part)]
        else:
            target = target.setdefault(part, [] if isinstance(following, int) else {})
    if isinstance(target, list):
        target[int(parts[-1]) :] = [value]
    else:
        target[parts[-1]] = value


def _shown(value: Any) -> dict[str, Any]:
    told = revealed(value)
    entry: dict[str, Any] = {"secret": told != value}
    if isinstance(told, dict | list):
        return entry | {"value": json.dumps(told), "objectValue": told}
    return entry | {"value": str(told).lower() if isinstance(told, bool) else str(told)}
