"""Running a Pulumi program with the SDK's own executor, `pulumi-language-python-exec`."""

import json
import signal
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2

from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.processes import Processes, stop

# The executor's exit code for "failed, and the person has been told why": the engine then adds nothing.
ALREADY_REPORTED = 32


def run(
    request: language_pb2.RunRequest,
    context: grpc.ServicerContext,
    *,
    executor: Path,
    engine_address: str,
    environment: PythonEnvironment,
    processes: Processes,
) -> language_pb2.RunResponse:
    """Run the program to its end, or stop it when the engine cancels the request.

    The program's output goes to our own standard output and error, where the engine reads it line by line.
    """
    environment.require()
    command = [str(environment.interpreter), str(executor), *executor_arguments(request, engine_address)]
    variables = environment.variables() | configuration(request)
    with processes.start(command, variables) as process:
        # add_callback() answers False when the request is over already.
        if not context.add_callback(lambda: stop(process)):
            stop(process)
        return response(process.wait())


def executor_arguments(request: language_pb2.RunRequest, engine_address: str) -> list[str]:
    """The executor's command line: its options, the program and the program's own arguments."""
    options = {
        "monitor": request.monitor_address,
        "engine": engine_address,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    flags = [text for name, value in options.items() if value for text in (f"--{name}", value)]
    return [*flags, request.info.entry_point, *request.args]


def configuration(request: language_pb2.RunRequest) -> dict[str, str]:
    """The stack's configuration as the SDK reads it: in the environment, since secrets are among the values."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def response(exit_code: int) -> language_pb2.RunResponse:
    """What the engine is told about a program that ended with `exit_code` (negative: the signal that ended it)."""
    if exit_code == 0:
        return language_pb2.RunResponse()
    if exit_code == ALREADY_REPORTED:
        return language_pb2.RunResponse(bail=True)
    if exit_code < 0:
        return language_pb2.RunResponse(error=f"program was ended by {signal.Signals(-exit_code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {exit_code}")
