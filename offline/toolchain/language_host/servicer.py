"""The gRPC service `pulumirpc.LanguageRuntime`: each method hands over to the module that does the work.

What is not here (installing, code generation, packing, what only `pulumi new` and `pulumi about` ask) is answered with
UNIMPLEMENTED, as gRPC does.
"""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from offline.toolchain.language_host import about, policy_pack, program
from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.errors import LanguageHostError
from offline.toolchain.language_host.options import RuntimeOptions
from offline.toolchain.language_host.packages import required_packages
from offline.toolchain.language_host.processes import Processes

Context: TypeAlias = grpc.ServicerContext


@contextmanager
def reported(context: Context) -> Iterator[None]:
    """Turn a LanguageHostError into the request's status, whose message the CLI prints."""
    try:
        yield
    except LanguageHostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def environment_of(info: pb.ProgramInfo) -> PythonEnvironment:
    """The Python environment that a program or policy pack asks for."""
    return PythonEnvironment(RuntimeOptions.parse(info.root_directory, MessageToDict(info.options)))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The host of one engine. `executor` is the SDK's `pulumi-language-python-exec`."""

    # The methods' names are the service's; pulumi/language.proto says what each is for.
    # ruff: noqa: N802

    def __init__(self, executor: Path, engine_address: str) -> None:
        self._executor = executor
        self._engine_address = engine_address
        self.processes = Processes()

    def Handshake(self, request: pb.LanguageHandshakeRequest, _context: Context) -> pb.LanguageHandshakeResponse:
        self._engine_address = request.engine_address
        return pb.LanguageHandshakeResponse()

    def GetRequiredPackages(
        self, request: pb.GetRequiredPackagesRequest, context: Context
    ) -> pb.GetRequiredPackagesResponse:
        with reported(context):
            environment = environment_of(request.info)
            environment.require()
            return pb.GetRequiredPackagesResponse(packages=required_packages(environment))

    def Run(self, request: pb.RunRequest, context: Context) -> pb.RunResponse:
        with reported(context):
            if request.attach_debugger:
                raise LanguageHostError("the offline Python language host cannot attach a debugger")
            return program.run(
                request,
                context,
                executor=self._executor,
                engine_address=self._engine_address,
                environment=environment_of(request.info),
                processes=self.processes,
            )

    def GetPluginInfo(self, _request: Empty, _context: Context) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def About(self, request: pb.AboutRequest, context: Context) -> pb.AboutResponse:
        with reported(context):
            return about.about(environment_of(request.info))

    def RunPlugin(self, request: pb.RunPluginRequest, context: Context) -> Iterator[pb.RunPluginResponse]:
        with reported(context):
            if request.kind != policy_pack.KIND:
                raise LanguageHostError(f"the offline Python language host runs policy packs, not a {request.kind}")
            environment = environment_of(request.info)
            environment.require()
            yield from policy_pack.run(request, context, environment, self.processes)

    def Cancel(self, _request: Empty, _context: Context) -> Empty:
        self.processes.stop_all()
        return Empty()
