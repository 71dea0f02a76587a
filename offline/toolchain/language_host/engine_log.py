"""Telling the person something through the engine, while a request is being answered."""

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


def log(engine_address: str, message: bytes) -> None:
    """Show `message` as progress, which the engine's display replaces by what comes next."""
    with grpc.insecure_channel(engine_address) as channel:
        engine_pb2_grpc.EngineStub(channel).Log(
            engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message.decode(errors="replace"), ephemeral=True)
        )
