"""Start a provider as a plugin of the Pulumi engine: gRPC on a loopback port, which is printed on standard output.

The SDK's own `server.main` appends a Python traceback to every error and cannot tell the engine that a resource was
made although a later step failed. This servicer does both right and leaves everything else to the SDK.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from offline.toolchain.plugins.common.resource import PartialFailureError, ProviderError


def main(provider: rpc.Provider, version: str, arguments: Sequence[str] | None = None) -> None:
    """Serve until this process is interrupted or ended. The first argument is the engine's address."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if len(addresses) != 1:
        sys.exit("usage: <plugin> <address of the Pulumi engine>; this program is started by the engine")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(provider, version, arguments, addresses[0]))
    # Python waits for the threads of operations that are still running.
    asyncio.run(provider.cancel())


async def _serve(provider: rpc.Provider, version: str, arguments: list[str], engine: str) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(arguments, version, provider, engine_address=engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


METHODS = ("CheckConfig", "Configure", "Check", "Diff", "Create", "Update", "Delete", "Invoke")


def _plainly(method: Callable[[Any, Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """The method with a `ProviderError` sent to the engine as its message alone."""

    async def call(self: ProviderServicer, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except Exception as wrapped:
            # The SDK raises its message-and-traceback exception while it handles the real one.
            error = wrapped.__context__
            if isinstance(error, PartialFailureError):
                await context.abort_with_status(partial_failure(error))
            if isinstance(error, ProviderError):
                await context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise

    return call


async def _read(self: ProviderServicer, request: Any, context: Any) -> Any:
    """Of a resource that is gone the engine wants to hear nothing; empty properties would mean that it is there."""
    response = await ProviderServicer.Read(self, request, context)
    return response if response.id else proto.ReadResponse()


async def _diff(self: ProviderServicer, request: Any, context: Any) -> Any:
    """Where no change is named, the engine is to go by the properties that differ."""
    response = await ProviderServicer.Diff(self, request, context)
    response.hasDetailedDiff = bool(response.detailedDiff)
    return response


CALLS = {name: getattr(ProviderServicer, name) for name in METHODS} | {"Read": _read, "Diff": _diff}

Servicer = type("Servicer", (ProviderServicer,), {name: _plainly(call) for name, call in CALLS.items()})
"""The SDK's servicer with errors as users should see them."""


def partial_failure(error: PartialFailureError) -> Any:
    """The gRPC status by which the engine learns of a resource that exists but is not finished."""
    detail = proto.ErrorResourceInitFailed(
        id=error.id, properties=PropertyValue.marshal_map(error.outputs), reasons=[str(error)]
    )
    rich = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    rich.details.add().Pack(detail)
    status = grpc.Status()
    status.code = grpc.StatusCode.UNKNOWN
    status.details = str(error)
    status.trailing_metadata = (("grpc-status-details-bin", rich.SerializeToString()),)
    return status
