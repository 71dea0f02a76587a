"""What the CLI notes of a language host with each update, and `pulumi about` shows."""

import subprocess

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
    run = subprocess.run(
        [str(environment.interpreter), "-c", ABOUT],
        env=environment.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise LanguageHostError(f"{environment.interpreter} could not tell its version:\n{run.stderr}")
    executable, version, pip = run.stdout.splitlines()
    metadata = {"toolchain": "Pip", "toolchainVersion": pip, "typechecker": "None"}
    return language_pb2.AboutResponse(executable=executable, version=version, metadata=metadata)
