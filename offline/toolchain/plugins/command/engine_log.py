"""Messages to the Pulumi engine, which shows them beside the resource they concern."""

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class EngineLog:
    """The engine's log, at the address that the engine gives a plugin as its first argument."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def status(self, urn: str, message: str) -> None:
        """A passing message: shown while the operation runs, and forgotten afterwards."""
        self._engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, urn=urn, message=message, ephemeral=True))
