"""Installing a program's dependencies, for `pulumi install` and for a virtual environment that is not there yet."""

from collections.abc import Iterator
from pathlib import Path

from offline.toolchain.language_host.environment import PythonEnvironment, ambient_interpreter
from offline.toolchain.language_host.errors import LanguageHostError
from offline.toolchain.language_host.processes import Processes
from offline.toolchain.language_host.streams import chunks


def install_dependencies(
    program: Path, environment: PythonEnvironment, processes: Processes
) -> Iterator[tuple[bytes, bytes]]:
    """Make the virtual environment if there is none, and install `requirements.txt`.

    Yields what the tools print, as streams.chunks() does; raises LanguageHostError when one of them fails.
    """
    if environment.virtualenv and not environment.exists:
        yield f"Creating virtual environment {environment.virtualenv}\n".encode(), b""
        command = [str(ambient_interpreter()), "-m", "venv", str(environment.virtualenv)]
        yield from _run(command, program, environment, processes)
    if (program / "requirements.txt").is_file():
        yield b"Installing requirements.txt\n", b""
        command = [str(environment.interpreter), "-m", "pip", "install", "--requirement", "requirements.txt"]
        yield from _run(command, program, environment, processes)


def _run(
    command: list[str], directory: Path, environment: PythonEnvironment, processes: Processes
) -> Iterator[tuple[bytes, bytes]]:
    with processes.start(command, environment.variables(), directory=directory, piped=True) as process:
        yield from chunks(process)
        if process.wait() != 0:
            raise LanguageHostError(f"`{' '.join(command)}` failed with exit code {process.returncode}")
