"""Policy packs behind the language host: they get the stack's configuration, and the engine gets their answers."""

import queue
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi.runtime.proto import language_pb2 as pb

from tests.support.language_hosts import Host, program, running_host

# A pack that answers with what it finds in its environment, as one written on Pulumi's policy SDK would use it.
PACK = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
import grpc
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        names = ("PULUMI_PROJECT", "PULUMI_STACK", "PULUMI_CONFIG", "PULUMI_DRY_RUN")
        return analyzer_pb2.AnalyzerInfo(name=" ".join(os.environ.get(name, "none") for name in names))

server = grpc.server(ThreadPoolExecutor())
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
print("ready in " + os.getcwd() + "\\n", end="", flush=True)  # in one piece
time.sleep(600)
"""


class Pack:
    """A policy pack that the host runs: what comes of it on the stream, and a stub to call it."""

    def __init__(self, host: Host, code: str) -> None:
        (host.folder / "__main__.py").write_text(code)
        request = pb.RunPluginRequest(kind="analyzer", info=program(host.folder), pwd="/", args=["127.0.0.1:1"])
        self.stream = host.stub.RunPlugin(request)
        self.port = int(next(self.stream).stdout)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub = analyzer_pb2_grpc.AnalyzerStub(self.channel)
        self.responses: queue.SimpleQueue[pb.RunPluginResponse] = queue.SimpleQueue()
        self.reader = Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        try:
            for response in self.stream:
                self.responses.put(response)
        except grpc.RpcError:
            pass  # cancelled, by the test or because the host has ended

    def close(self) -> None:
        self.stream.cancel()
        self.reader.join()
        self.channel.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running_host(tmp_path) as host:
        yield host


def test_a_pack_finds_the_stacks_configuration_in_its_environment(host: Host) -> None:
    pack = Pack(host, PACK)
    pack.stub.Handshake(analyzer_pb2.AnalyzerHandshakeRequest(engine_address="127.0.0.1:1"))
    pack.stub.ConfigureStack(
        analyzer_pb2.AnalyzerStackConfigureRequest(project="mail", stack="dev", config={"mail:x": "1"}, dry_run=True)
    )
    assert pack.stub.GetAnalyzerInfo(Empty()).name == 'mail dev {"mail:x": "1"} true'
    assert pack.responses.get(timeout=60).stdout.decode() == f"ready in {host.folder}\n"
    pack.close()


def test_a_pack_asked_for_its_rules_without_a_stack_starts_all_the_same(host: Host) -> None:
    pack = Pack(host, PACK)
    assert pack.stub.GetAnalyzerInfo(Empty()).name == "none none none none"
    pack.close()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('a bad rule')", "has ended before it answered"),
        ("print('hello', flush=True)", "must first print where it listens, but it printed: hello"),
    ],
)
def test_a_pack_that_does_not_start_answers_with_an_error_instead_of_hanging(
    host: Host, code: str, message: str
) -> None:
    pack = Pack(host, code)
    with pytest.raises(grpc.RpcError, match=message):
        pack.stub.GetAnalyzerInfo(Empty(), timeout=60)
    pack.close()


def test_a_plugin_that_is_no_policy_pack_is_refused(host: Host) -> None:
    with pytest.raises(grpc.RpcError, match="runs policy packs, not a resource"):
        list(host.stub.RunPlugin(pb.RunPluginRequest(kind="resource", info=program(host.folder))))
