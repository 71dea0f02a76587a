"""What stands in for the server: a provider that says of each command and container that it is done.

Commands and containers need a machine, and a stack without one has no state to preview. The engine asks this process in
place of the plugins `command` and `docker` where `PULUMI_DEBUG_PROVIDERS` leads it here.
"""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import grpc  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

VERSIONS = {"command": "1.2.1", "docker": "5.2.0"}
"""The plugins whose place it takes."""
COMMAND, IMAGE = "command:remote:Command", "docker:index/remoteImage:RemoteImage"
IMAGE_ID = f"sha256:{'5' * 64}"


class Paper(provider_pb2_grpc.ResourceProviderServicer):
    """Takes all inputs as they are; a command has printed what those do whose output the program reads."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._numbers = count(1)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        public = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        self._printed = json.dumps({"selector": "s1", "public_key": public, "account": "https://acme.example/acct/1"})

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  (the names are the protocol's)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return provider_pb2.ConfigureResponse(acceptSecrets=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        kinds = provider_pb2.DiffResponse
        same = request.old_inputs == request.news
        return kinds(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        outputs = request.properties
        if request.type == COMMAND:
            outputs.update({"stdout": self._printed, "stderr": ""})
        if request.type == IMAGE:
            outputs.update({"imageId": IMAGE_ID})
        return provider_pb2.CreateResponse(id=f"paper-{next(self._numbers)}", properties=outputs)


@contextmanager
def server_on_paper() -> Iterator[dict[str, str]]:
    """Serve on loopback for as long as the block lasts; the variables that lead the engine here."""
    ports, servers = {}, []
    for package, version in VERSIONS.items():
        server = grpc.server(ThreadPoolExecutor(8))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Paper(version), server)
        ports[package] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    try:
        yield {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items())}
    finally:
        for server in servers:
            server.stop(grace=None)
