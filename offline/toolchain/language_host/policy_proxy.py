"""Stands between the engine and a policy pack, because the pack reads the stack's configuration from its environment.

The engine sends the configuration only once the pack answers, so this proxy answers first, hands the configuration to
whoever starts the pack, and then passes every call on to it, as bytes.
"""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS as CHANNEL_OPTIONS
from pulumi.runtime.proto import analyzer_pb2

Configuration = analyzer_pb2.AnalyzerStackConfigureRequest | None


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Serves `pulumirpc.Analyzer`: Handshake and ConfigureStack itself, everything else from the attached pack."""

    def __init__(self) -> None:
        self._configuration: Future[Configuration] = Future()
        self._pack: Future[grpc.Channel] = Future()
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(), handlers=(self,), options=CHANNEL_OPTIONS)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def wait_for_configuration(self) -> Configuration:
        """The stack's configuration, or None when the engine asks for the rules without one (`pulumi policy ls`)."""
        return self._configuration.result()

    def attach(self, port: int) -> None:
        """Pass calls on to the pack that listens on `port`, beginning with the configuration."""
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        if (configuration := self._configuration.result()) is not None:
            try:
                channel.unary_unary("/pulumirpc.Analyzer/ConfigureStack")(configuration.SerializeToString())
            except grpc.RpcError as error:
                # Packs of older SDKs know the environment only.
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    self.close(f"the policy pack refused its configuration: {error.details()}")
                    return
        self._pack.set_result(channel)

    def close(self, reason: str) -> None:
        """Answer all calls, waiting ones too, with `reason`, and stop."""
        self._configure(None)
        with self._lock:
            if not self._pack.done():
                self._pack.set_exception(RuntimeError(reason))
        self._server.stop(grace=1)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The handler of one method; messages stay bytes, there being nothing to read in them."""
        method = handler_call_details.method
        answers: Mapping[str, Callable[[bytes, grpc.ServicerContext], bytes]] = {
            "/pulumirpc.Analyzer/Handshake": lambda _request, _context: b"",
            "/pulumirpc.Analyzer/ConfigureStack": self._configure_stack,
        }
        return grpc.unary_unary_rpc_method_handler(answers.get(method) or self._forwarder(method))

    def _configure_stack(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._configure(analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request))
        return b""

    def _configure(self, configuration: Configuration) -> None:
        with self._lock:
            if not self._configuration.done():
                self._configuration.set_result(configuration)

    def _forwarder(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def forward(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._configure(None)
            try:
                response: bytes = self._pack.result().unary_unary(method)(request)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            except RuntimeError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            return response

        return forward


def variables(configuration: Configuration) -> dict[str, str]:
    """The environment in which `pulumi.policy` looks for the stack and its configuration."""
    if configuration is None:
        return {}
    values = {
        "PULUMI_ORGANIZATION": configuration.organization,
        "PULUMI_PROJECT": configuration.project,
        "PULUMI_STACK": configuration.stack,
        "PULUMI_DRY_RUN": "true" if configuration.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(configuration.config)),
    }
    return {name: value for name, value in values.items() if value}
