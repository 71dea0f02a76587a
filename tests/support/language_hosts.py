"""A running language host for the tests, started as the CLI starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]

# Stands in for the SDK's executor: notes what it was given, then does what the program, a line of Python, says.
EXECUTOR = """
import json, os, sys
with open("received", "w") as file:
    json.dump({"arguments": sys.argv[1:], "environment": dict(os.environ), "interpreter": sys.executable}, file)
exec(sys.argv[-1])
"""


class Host:
    """A process that serves `stub`, with `folder` as its directory. Nothing answers at its engine's address."""

    def __init__(self, folder: Path, engine: str, python: str) -> None:
        executor = folder / "executor"
        executor.write_text(EXECUTOR)
        launch = str(ROOT / "offline/toolchain/launch")
        command = [launch, "offline.toolchain.language_host", "--executor", str(executor), engine]
        environment = os.environ | {"PULUMI_PYTHON_CMD": python}
        self.folder = folder
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub = language_pb2_grpc.LanguageRuntimeStub(self.channel)

    def output(self) -> str:
        """End the host and return what it and its programs wrote after the port."""
        self.process.send_signal(signal.SIGINT)
        output, _ = self.process.communicate(timeout=60)
        return output


@contextmanager
def running_host(folder: Path, engine: str = "127.0.0.1:1", python: str = sys.executable) -> Iterator[Host]:
    """A host that ends with the block; `python` is what it takes for the Python on PATH."""
    host = Host(folder, engine, python)
    try:
        yield host
    finally:
        host.channel.close()
        host.process.kill()
        host.process.communicate()


def program(folder: Path, entry_point: str = ".", **options: str) -> pb.ProgramInfo:
    """A program in `folder`; without the option virtualenv the Python that runs the tests runs it."""
    info = pb.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=entry_point)
    info.options.update(options)
    return info
