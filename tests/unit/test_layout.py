"""The house: which folder may import from which, so that a newcomer can read each without the others."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "__main__.py": {"components", "model"},
    "components": {"components", "model"},
    "model": {"model"},
    "remote": set(),
    "policy": {"policy", "model"},
    "operate": {"operate", "model"},
    "offline": {"offline"},
    "benchmarks": {"benchmarks", "operate"},
}
"""What each part of the house may import of the others."""
DRIVER = ROOT / "offline" / "dev_stack.py"
"""Drives the dev stack, and so uses what people run."""

ROOMS = {"components", "model", "remote", "policy", "operate", "offline", "benchmarks", "tests"}
CLOUDS = ("pulumi", "hcloud", "cloudflare", "docker", "asyncssh", "dns")
"""Packages that deploy, or talk to a cloud, a server or the DNS."""


def modules(part: str) -> list[Path]:
    """The Python files of a folder, or the one file."""
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:  # else it stays in its own folder
            yield node.module or ""


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_lead_one_way_only(part: str) -> None:
    found = modules(part)
    assert found
    wrong = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in found
        for name in imported(file)
        if name.partition(".")[0] in ROOMS - MAY_IMPORT[part] - ({"operate"} if file == DRIVER else set())
    }
    assert wrong == set()


def test_the_model_knows_neither_pulumi_nor_a_cloud() -> None:
    wrong = {
        f"{file.name}: {name}"
        for file in modules("model")
        for name in imported(file)
        if name.partition(".")[0].startswith(CLOUDS)
    }
    assert wrong == set()


def test_no_component_is_pure_and_would_belong_into_the_model() -> None:
    files = [file for file in modules("components") if file.name != "__init__.py"]
    pure = {
        file.name for file in files if not any(name.partition(".")[0].startswith("pulumi") for name in imported(file))
    }
    assert pure == set()


def test_every_folder_of_python_has_its_rule() -> None:
    tracked = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    assert tracked - {"tests"} == {part for part in MAY_IMPORT if not part.endswith(".py")}
