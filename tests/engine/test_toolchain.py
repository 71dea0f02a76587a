"""The Pulumi CLI, the language host and the plugin folder together, on small programs and without the sandbox."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """
name: tiny
runtime:
  name: python
  options:
    virtualenv: {root}/.venv
"""

pytestmark = pytest.mark.engine


class Project:
    """A project with a stack `test` in a backend of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Pulumi.yaml").write_text(PROJECT.format(root=ROOT))
        self.environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "for this test",
        }
        self.program("")
        self.pulumi("stack", "init", "test")

    def program(self, code: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(f"import pulumi\n{code}\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the CLI through ./run."""
        return subprocess.Popen(
            [ROOT / "run", "pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str, exit_code: int = 0) -> str:
        """Run the CLI to its end and return what it prints."""
        with self.start(*arguments) as process:
            printed, _ = process.communicate(timeout=300)
        assert process.returncode == exit_code, printed
        return printed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_update_runs_the_program_with_its_configuration_and_without_noise(project: Project) -> None:
    project.program(
        """
class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Part", name)
        self.register_outputs({})

Part("part")
print("the program speaks")
pulumi.export("plain", pulumi.Config().require("plain"))
pulumi.export("secret", pulumi.Config().require_secret("secret"))
"""
    )
    project.pulumi("config", "set", "plain", "in sight", "--stack", "test")
    project.pulumi("config", "set", "--secret", "secret", "hidden", "--stack", "test")
    shown = project.pulumi("up", "--yes", "--stack", "test")
    assert "the program speaks" in shown
    assert "+ 2 created" in shown
    assert "warning" not in shown
    assert "hidden" not in shown
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets", "--stack", "test"))
    assert outputs == {"plain": "in sight", "secret": "hidden"}
    project.pulumi("preview", "--expect-no-changes", "--stack", "test")


def test_a_programs_exception_is_shown_once_and_fails_the_command(project: Project) -> None:
    project.program("raise ValueError('a mistake of mine')")
    shown = project.pulumi("preview", "--stack", "test", exit_code=1)
    assert shown.count("ValueError: a mistake of mine") == 1
    assert "exit code" not in shown


def test_a_killed_cli_leaves_no_process_behind(project: Project) -> None:
    marker = project.folder / "running"
    project.program(f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(900)")
    process = project.start("preview", "--stack", "test")
    deadline = time.monotonic() + 120
    while not marker.exists() or not marker.read_text():
        assert time.monotonic() < deadline, "the program did not start"
        time.sleep(0.1)
    program = int(marker.read_text())
    language_host = parent(program)
    assert parent(language_host) == process.pid
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while running(program) or running(language_host):
        assert time.monotonic() < deadline, "the program or its language host is still there"
        time.sleep(0.1)


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
