"""`offline/toolchain/launch`, which starts the language host and the stand-in plugins."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[2] / "offline/toolchain/launch"


def test_the_callers_directory_shadows_no_installed_package(tmp_path: Path) -> None:
    (tmp_path / "pulumi.py").write_text("raise RuntimeError('the wrong pulumi')")
    launcher = tmp_path / "plugin"
    launcher.symlink_to(LAUNCH)
    started = subprocess.run(
        [launcher, "offline.toolchain.language_host", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert "usage: pulumi-language-python" in started.stdout


def test_what_is_started_ends_soon_after_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    # The shell stands for the engine. It waits, as the engine does, and cannot clean up when it is killed.
    script = f'"{LAUNCH}" offline.toolchain.language_host --executor none & echo $!; wait'
    with subprocess.Popen(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        started = int(engine.stdout.readline())
        engine.stdout.readline()  # the port: it runs
        assert is_running(started)
        engine.kill()
        deadline = time.monotonic() + 60
        while is_running(started) and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_running(started):
            os.kill(started, signal.SIGKILL)
            pytest.fail("it is still there")


def is_running(process: int) -> bool:
    """Whether there is such a process and it is not a zombie, which only waits for its parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
