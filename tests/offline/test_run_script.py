"""`./run`: the environment it gives, and when it sets up first."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOW = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that is set up, with the real `run` and a set-up that only notes that it was called."""
    shutil.copy(ROOT / "run", tmp_path)
    for name in (
        "requirements.txt",
        "offline/toolchain/go.mod",
        "offline/toolchain/go.sum",
        "offline/toolchain/set_up/steps.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in (".venv/bin/python", ".cache/bin/pulumi"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch(mode=0o755)
    (tmp_path / ".state" / "backend").mkdir(parents=True)
    set_up = tmp_path / "offline/toolchain/set-up"
    set_up.write_text('#!/bin/sh\necho "setting up"\nexit "${SET_UP_EXIT_CODE:-0}"\n')
    set_up.chmod(0o755)
    later = time.time() + 10
    (tmp_path / ".cache" / "set-up-done").touch()
    os.utime(tmp_path / ".cache" / "set-up-done", (later, later))
    return tmp_path


def run(
    project: Path, *command: str, directory: Path | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment.update(variables or {})
    return subprocess.run(
        [project / "run", *command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def test_a_command_finds_the_projects_tools_first_and_pulumi_its_backend_and_plugins(project: Path) -> None:
    environment = json.loads(run(project, *SHOW).stdout)
    assert environment["PATH"].split(":")[:2] == [f"{project}/.venv/bin", f"{project}/.cache/bin"]
    assert environment["VIRTUAL_ENV"] == f"{project}/.venv"
    assert environment["PULUMI_HOME"] == f"{project}/.cache/pulumi-home"
    assert environment["PULUMI_BACKEND_URL"] == f"file://{project}/.state/backend"
    assert environment["PULUMI_SKIP_UPDATE_CHECK"] == "true"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_HOME", "/elsewhere"),
        ("PULUMI_BACKEND_URL", "s3://bucket"),
        ("PULUMI_CONFIG_PASSPHRASE", "my own"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", "/elsewhere"),
        ("PULUMI_SKIP_UPDATE_CHECK", "false"),
    ],
)
def test_a_variable_that_is_set_already_is_kept(project: Path, name: str, value: str) -> None:
    assert json.loads(run(project, *SHOW, variables={name: value}).stdout)[name] == value


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["--stack", "dev"], True),
        (["--stack=dev"], True),
        (["-s", "dev"], True),
        (["-m", "offline.dev_stack", "begin"], True),
        ([], False),
        (["stack", "init", "prod"], False),
        (["stack", "init", "prod", "--copy-config-from", "dev"], False),
        (["config", "set", "--secret", "adminPassword", "--stack", "prod"], False),
        (["config", "cp", "--dest", "dev", "--stack", "prod"], False),
        (["--stack", "development"], False),
        (["--stack=dev2"], False),
    ],
)
def test_the_published_passphrase_goes_to_commands_about_the_sandboxs_stack_only(
    project: Path, arguments: list[str], given: bool
) -> None:
    environment = json.loads(run(project, *SHOW, *arguments).stdout)
    assert environment.get("PULUMI_CONFIG_PASSPHRASE") == ("sandbox" if given else None)


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_the_published_passphrase_never_encrypts_what_has_its_own_backend_or_passphrase(
    project: Path, name: str
) -> None:
    shown = run(project, *SHOW, "--stack", "dev", variables={name: "/elsewhere"}).stdout
    assert "PULUMI_CONFIG_PASSPHRASE" not in json.loads(shown)


def test_arguments_directory_output_and_exit_code_are_the_commands_own(project: Path, tmp_path: Path) -> None:
    show = "import os, sys; print(sys.argv[1:], os.getcwd()); sys.exit(7)"
    done = run(project, sys.executable, "-c", show, "two words", "*", directory=tmp_path / "offline")
    assert (done.returncode, done.stdout, done.stderr) == (7, f"['two words', '*'] {tmp_path}/offline\n", "")


def test_without_a_command_it_says_how_it_is_used(project: Path) -> None:
    done = run(project)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ./run COMMAND")


def test_a_project_that_is_set_up_costs_no_time(project: Path) -> None:
    def seconds() -> float:
        """Of a processor, however busy that is with others."""
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(project, "true").stderr == ""
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime

    assert min(seconds() for _ in range(5)) < 0.1


@pytest.mark.parametrize("missing", [".venv", ".cache/bin", ".cache/set-up-done", ".state/backend"])
def test_what_is_missing_is_set_up_before_the_command_runs(project: Path, missing: str) -> None:
    (project / missing).rename(project / "elsewhere")
    done = run(project, "echo", "output")
    assert (done.stdout, done.stderr) == ("output\n", "setting up\n")


@pytest.mark.parametrize(
    "changed", ["requirements.txt", "offline/toolchain/go.mod", "offline/toolchain/set_up/steps.py"]
)
def test_a_change_of_what_the_set_up_reads_sets_up_anew(project: Path, changed: str) -> None:
    later = time.time() + 20
    os.utime(project / changed, (later, later))
    assert run(project, "true").stderr == "setting up\n"


def test_a_failed_set_up_stops_the_command(project: Path) -> None:
    (project / ".venv" / "bin" / "python").unlink()
    done = run(project, "echo", "output", variables={"SET_UP_EXIT_CODE": "3"})
    assert (done.returncode, done.stdout) == (3, "")
