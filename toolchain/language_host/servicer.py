"""The gRPC service `pulumirpc.LanguageRuntime`: each method hands over to the module that does the work.

What is not here (code generation, packing, linking of local packages) is answered with UNIMPLEMENTED.
"""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from toolchain.language_host import about, plugin_process, program
from toolchain.language_host.engine_log import log
from toolchain.language_host.environment import PythonEnvironment
from toolchain.language_host.errors import LanguageHostError
from toolchain.language_host.install import install_dependencies
from toolchain.language_host.options import RuntimeOptions
from toolchain.language_host.packages import required_packages
from toolchain.language_host.processes import Processes


@contextmanager
def reported(context: grpc.ServicerContext) -> Iterator[None]:
    """Turn a LanguageHostError into the request's status, whose message the CLI prints."""
    try:
        yield
    except LanguageHostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def environment_of(info: language_pb2.ProgramInfo, *, is_plugin: bool = False) -> PythonEnvironment:
    """The Python environment that a program, policy pack or plugin asks for."""
    return PythonEnvironment(RuntimeOptions.parse(info.root_directory, MessageToDict(info.options), is_plugin=is_plugin))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The host of one engine. `executor` is the SDK's `pulumi-language-python-exec`."""

    def __init__(self, executor: Path, engine_address: str) -> None:
        self._executor = executor
        self._engine_address = engine_address
        self.processes = Processes()

    def Handshake(self, request, _context):  # noqa: N802
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetRequiredPackages(self, request, context):  # noqa: N802
        with reported(context):
            environment = environment_of(request.info)
            if not environment.exists:
                program_directory = Path(request.info.program_directory)
                for _, chunk in install_dependencies(program_directory, environment, self.processes):
                    log(self._engine_address, chunk)
            return language_pb2.GetRequiredPackagesResponse(packages=required_packages(environment))

    def Run(self, request, context):  # noqa: N802
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

    def GetPluginInfo(self, _request, _context):  # noqa: N802
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def InstallDependencies(self, request, context):  # noqa: N802
        with reported(context):
            environment = environment_of(request.info, is_plugin=request.is_plugin)
            for name, chunk in install_dependencies(
                Path(request.info.program_directory), environment, self.processes
            ):
                yield language_pb2.InstallDependenciesResponse(**{name: chunk})

    def RuntimeOptionsPrompts(self, request, _context):  # noqa: N802
        return language_pb2.RuntimeOptionsResponse(prompts=about.prompts(MessageToDict(request.info.options)))

    def Template(self, _request, _context):  # noqa: N802
        return language_pb2.TemplateResponse()

    def About(self, request, context):  # noqa: N802
        with reported(context):
            return about.about(environment_of(request.info))

    def GetProgramDependencies(self, request, context):  # noqa: N802
        with reported(context):
            found = about.dependencies(environment_of(request.info), transitive=request.transitiveDependencies)
            return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def RunPlugin(self, request, context):  # noqa: N802
        with reported(context):
            is_policy_pack = request.kind == plugin_process.POLICY_PACK
            environment = environment_of(request.info, is_plugin=not is_policy_pack)
            environment.require()
            run = plugin_process.run_policy_pack if is_policy_pack else plugin_process.run_provider
            yield from run(request, context, environment, self.processes)

    def Cancel(self, _request, _context):  # noqa: N802
        self.processes.stop_all()
        return Empty()
