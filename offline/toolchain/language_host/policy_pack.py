"""Running policy packs."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2

from offline.toolchain.language_host import policy_proxy
from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.errors import LanguageHostError
from offline.toolchain.language_host.policy_proxy import PolicyProxy
from offline.toolchain.language_host.processes import Processes
from offline.toolchain.language_host.streams import chunks

Responses = Iterator[language_pb2.RunPluginResponse]
KIND = "analyzer"
"""What the engine calls a policy pack."""
ENDED = "the policy pack has ended before it answered"


def run(
    request: language_pb2.RunPluginRequest,
    context: grpc.ServicerContext,
    environment: PythonEnvironment,
    processes: Processes,
) -> Responses:
    """Run the pack in its own folder, behind a proxy whose port the engine gets instead of the pack's."""
    proxy = PolicyProxy()
    try:
        context.add_callback(lambda: proxy.close(ENDED))
        yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
        configuration = proxy.wait_for_configuration()
        program = request.info.program_directory
        command = [str(environment.interpreter), "-u", "-m", "pulumi.policy", *request.args, program]
        variables = environment.variables() | policy_proxy.variables(configuration) | _requested_variables(request)
        with processes.start(command, variables, directory=Path(program), piped=True) as process:
            _kill_when_over(context, process)
            port_line = b""
            for output, error in chunks(process):
                rest = output
                # The pack's first line says where it listens, as any plugin's does; what follows is for the person.
                if output and not port_line.endswith(b"\n"):
                    line, newline, rest = output.partition(b"\n")
                    port_line += line + newline
                    if newline:
                        _attach(proxy, port_line)
                if rest or error:
                    yield _shown(rest, error)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())
    except LanguageHostError as error:
        proxy.close(str(error))
        raise
    finally:
        proxy.close(ENDED)


def _attach(proxy: PolicyProxy, port_line: bytes) -> None:
    if not port_line.strip().isdigit():
        shown = port_line.decode(errors="replace").strip()
        raise LanguageHostError(f"the policy pack must first print where it listens, but it printed: {shown}")
    proxy.attach(int(port_line))


def _shown(output: bytes, error: bytes) -> language_pb2.RunPluginResponse:
    # The two are alternatives of the message: an empty one must not be set.
    return language_pb2.RunPluginResponse(stderr=error) if error else language_pb2.RunPluginResponse(stdout=output)


def _requested_variables(request: language_pb2.RunPluginRequest) -> dict[str, str]:
    entries = (entry.partition("=") for entry in request.env)
    return {name: value for name, _, value in entries}


def _kill_when_over(context: grpc.ServicerContext, process: subprocess.Popen[bytes]) -> None:
    """The engine ends a plugin by cancelling the request; add_callback() answers False if it already has."""
    if not context.add_callback(process.kill):
        process.kill()
