"""The administrator's key in a file: whose it is, and that it goes with the stack, seen with the real engine."""

import stat
from pathlib import Path

import pytest

from tests.support.project import Clouds, Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

PROGRAM = """
import pulumi
from components.connection import ssh_files_end, write_ssh_files
from components.providers import ssh_commands
from components.existing.stack_config import load_settings

stack = pulumi.get_stack()
write_ssh_files(load_settings(), stack)
ssh_files_end("files", stack, pulumi.ResourceOptions(provider=ssh_commands()))
"""


def test_the_key_is_its_owners_alone_and_goes_in_a_destroy_that_runs_no_program(tmp_path: Path) -> None:
    project = Project(tmp_path, Clouds(hetzner=1, cloudflare=1), PROGRAM)
    folder = tmp_path / ".state" / "ssh" / "dev"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "identity").touch(mode=0o644)
    (tmp_path / ".state" / "ssh" / "prod").mkdir()
    up = project.pulumi("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "identity")] == [0o700, 0o600]
    assert (folder / "identity").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    again = project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout
    (tmp_path / "__main__.py").write_text("raise RuntimeError('a destroy runs no program')\n")
    destroy = project.pulumi("destroy", "--yes", "--skip-preview")
    assert destroy.returncode == 0, destroy.stdout
    assert not folder.exists()
    assert (tmp_path / ".state" / "ssh" / "prod").is_dir(), "another stack's files"
