"""The interpreter of the tests that has its libraries loaded: to its caller it is Python."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.warm import warm_python

SHOW = "import json, os, sys; print(json.dumps([sys.argv, os.getcwd(), os.environ['WORD'], sys.stdin.read()]))"


def python(*arguments: str, folder: Path, word: str = "") -> "subprocess.CompletedProcess[str]":
    command = [str(warm_python().interpreter), *arguments]
    variables = os.environ | {"WORD": word}
    return subprocess.run(command, cwd=folder, env=variables, input="in", capture_output=True, text=True, check=False)


def test_a_command_line_is_run_with_the_callers_arguments_folder_environment_and_files(tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(SHOW)
    expected = f'"{tmp_path}", "word", "in"]\n'
    assert python("-c", SHOW, "a", folder=tmp_path, word="word").stdout == f'[["-c", "a"], {expected}'
    assert python("shown.py", "a", folder=tmp_path, word="word").stdout == f'[["shown.py", "a"], {expected}'
    assert python("-m", "shown", "a", folder=tmp_path, word="word").stdout == (
        f'[["{tmp_path}/shown.py", "a"], {expected}'
    )


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('why')", 1, "why\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_it_ends_as_python_does(tmp_path: Path, code: str, status: int, said: str) -> None:
    done = python("-c", code, folder=tmp_path)
    assert done.returncode == status
    assert done.stderr.endswith(said)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_it_runs_ends_with_it(number: signal.Signals) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    command = [str(warm_python().interpreter), "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running = os.pidfd_open(int(process.stdout.readline()))
        process.send_signal(number)
        assert process.wait(60) == -number
    # It becomes readable when the process has ended.
    assert select.select([running], [], [], 60)[0]
    os.close(running)


def test_what_it_runs_ends_with_whoever_started_it() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    start = f"import subprocess; subprocess.run([{str(warm_python().interpreter)!r}, '-c', {code!r}])"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    assert select.select([running], [], [], 60)[0]
    os.close(running)
