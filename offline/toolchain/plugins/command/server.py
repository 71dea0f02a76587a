"""Serve the provider to the engine, with assets passed through the SDK in disguise (see `assets`)."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio  # type: ignore[import-untyped]
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from offline.toolchain.plugins.command.assets import disguise, reveal
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.provider import CommandProvider
from offline.toolchain.plugins.common.server import Servicer


class AssetServicer(Servicer):  # type: ignore[misc]
    """The generic servicer for property values that may be assets or archives."""

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _with_assets(super().Delete, request, context)


def main(version: str) -> None:
    """Serve until the engine ends this process. The first argument is the engine's address."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if len(addresses) != 1:
        sys.exit("usage: <plugin> <address of the Pulumi engine>; this program is started by the engine")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(version, addresses[0]))


async def _serve(version: str, engine: str) -> None:
    provider = CommandProvider(EngineLog(engine))
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = AssetServicer(sys.argv[1:], version, provider, engine_address=engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


async def _with_assets(method: Callable[[Any, Any], Awaitable[Any]], request: Message, context: Any) -> Any:
    for properties in _properties(request):
        disguise(properties)
    response = await method(request, context)
    for properties in _properties(response):
        reveal(properties)
    return response


def _properties(message: Message) -> list[struct_pb2.Struct]:
    """All property maps of a request or response."""
    fields = (getattr(message, field.name) for field, _ in message.ListFields())
    return [field for field in fields if isinstance(field, struct_pb2.Struct)]
