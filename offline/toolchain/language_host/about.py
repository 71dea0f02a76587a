"""What `pulumi about` and `pulumi new` ask of a language host."""

import json
import subprocess
from collections.abc import Iterator

from pulumi.runtime.proto import language_pb2

from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.errors import LanguageHostError

# Runs in the program's interpreter. To import pip or to run it would take a second, before every preview.
ABOUT = """
import importlib.metadata, platform, sys
print(sys.executable, platform.python_version(), importlib.metadata.version("pip"), sep="\\n")
"""


def about(environment: PythonEnvironment) -> language_pb2.AboutResponse:
    """The interpreter's path and version."""
    executable, version, pip = _output(environment, "-c", ABOUT).splitlines()
    metadata = {"toolchain": "Pip", "toolchainVersion": pip, "typechecker": "None"}
    return language_pb2.AboutResponse(executable=executable, version=version, metadata=metadata)


def dependencies(environment: PythonEnvironment, *, transitive: bool) -> Iterator[language_pb2.DependencyInfo]:
    """The installed packages; unless `transitive` only those that no other one requires."""
    only_direct = () if transitive else ("--not-required",)
    for package in json.loads(_output(environment, "-m", "pip", "list", "--format", "json", *only_direct)):
        yield language_pb2.DependencyInfo(name=package["name"], version=package["version"])


def prompts(options: dict[str, object]) -> Iterator[language_pb2.RuntimeOptionPrompt]:
    """The question that `pulumi new` has to ask: where the virtual environment goes."""
    if "virtualenv" not in options:
        default = language_pb2.RuntimeOptionPrompt.RuntimeOptionValue(stringValue="venv")
        yield language_pb2.RuntimeOptionPrompt(
            key="virtualenv", description="The virtualenv to use", choices=[default], default=default
        )


def _output(environment: PythonEnvironment, *arguments: str) -> str:
    run = subprocess.run(
        [str(environment.interpreter), *arguments],
        env=environment.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise LanguageHostError(f"`{' '.join(run.args)}` failed:\n{run.stderr}")
    return run.stdout
