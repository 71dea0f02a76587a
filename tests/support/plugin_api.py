"""For tests of plugins that speak to an API: the faults of the sandbox's servers, and function calls."""

from typing import Any

import requests
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin_engine import Engine, Refused, struct


def fault(url: str, method: str, path: str, **rule: Any) -> None:
    """Make the next matching request fail or wait; see `offline.sandbox.faults`."""
    body = {"method": method, "path": path, **rule}
    requests.post(f"{url}/_sandbox/faults", json=body, timeout=60).raise_for_status()


def invoke(engine: Engine, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call one of a plugin's functions."""
    reply = engine._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=struct(arguments)))
    if reply.failures:
        raise Refused("; ".join(failure.reason for failure in reply.failures))
    return dict(json_format.MessageToDict(getattr(reply, "return")))


def close(engine: Engine) -> None:
    """Close the connections that the plugin for Hetzner keeps."""
    api = engine.servicer._provider.client
    for client in (api.client, api.boxes):
        for part in (client._client, client._client_hetzner):
            part._session.close()
