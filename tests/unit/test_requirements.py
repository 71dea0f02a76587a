"""The requirements files: what is asked for is locked, and each file that may be installed is known by its hash."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["requirements", "requirements-build", "requirements-dev"]


def asked(name: str) -> list[Requirement]:
    """What a person wrote into an .in file, and into those that it includes."""
    found = []
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if included := re.fullmatch(r"-r (\S+)\.in", line):
            found += asked(included[1])
        elif line and not line.startswith(("#", "-")):
            found.append(Requirement(line))
    return found


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Each package of a locked file, by name, with the hashes that its files may have."""
    found: dict[str, tuple[Requirement, list[str]]] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / f"{name}.txt").read_text()):
        if not block.startswith("#"):
            requirement = Requirement(block.partition("\\")[0])
            found[canonicalize_name(requirement.name)] = requirement, re.findall(r"--hash=sha256:([0-9a-f]{64})", block)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_one_version_and_that_one_is_locked(name: str) -> None:
    packages = locked(name)
    for requirement in asked(name):
        (pin,) = requirement.specifier
        (lock,) = packages[canonicalize_name(requirement.name)][0].specifier
        assert (pin.operator, lock.operator) == ("==", "==")
        assert Version(pin.version) == Version(lock.version), f"{requirement}: run `make lock`"


@pytest.mark.parametrize("name", NAMES)
def test_no_package_can_be_installed_but_by_a_hash(name: str) -> None:
    assert [package for package, (_, hashes) in locked(name).items() if not hashes] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_lock_says_where_its_files_come_from(name: str) -> None:
    assert "://" not in (ROOT / f"{name}.txt").read_text()


def test_program_and_tests_run_with_the_same_packages() -> None:
    program, development = locked("requirements"), locked("requirements-dev")
    assert {package: development.get(package) for package in program} == program


def test_what_is_installed_is_what_is_locked() -> None:
    wanted = [requirement for requirement, _ in locked("requirements-dev").values()]
    here = [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]
    assert [str(requirement) for requirement in here if version(requirement.name) not in requirement.specifier] == []
