"""The executable `pulumi-language-python`: serves the engine that started it, and prints the port first of all."""

import argparse
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS as CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2_grpc

from offline.toolchain.language_host.servicer import LanguageHost

# A program and each policy pack hold a thread for as long as they run.
THREADS = 64
SECONDS_BETWEEN_LOOKS = 0.2


def main() -> None:
    """Serve until interrupted, by the engine or because the engine is gone (see offline/toolchain/launch)."""
    parser = argparse.ArgumentParser(prog="pulumi-language-python", description=__doc__)
    parser.add_argument("engine", nargs="?", default="", help="the engine's address")
    parser.add_argument("--executor", type=Path, required=True, help="the SDK's pulumi-language-python-exec")
    arguments, _ = parser.parse_known_args()

    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: interrupted.set())

    host = LanguageHost(arguments.executor, arguments.engine)
    server = grpc.server(ThreadPoolExecutor(THREADS), options=CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)

    # The system may hand the signal to a thread of gRPC; this one then runs the handler only when it next wakes up.
    while not interrupted.wait(SECONDS_BETWEEN_LOOKS):
        pass
    host.processes.stop_all()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
