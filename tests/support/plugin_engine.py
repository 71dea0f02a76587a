"""Calls a plugin as the Pulumi engine does: with protobuf messages, and plain JSON-like values in the tests."""

import asyncio
from typing import Any

from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, status_pb2

SIGNATURE, SECRET = rpc._special_sig_key, rpc._special_secret_sig
ASSET, ARCHIVE = rpc._special_asset_sig, rpc._special_archive_sig


class Refused(Exception):  # noqa: N818  (what the engine sees is a refusal)
    """What the engine gets in place of a result; `made` is set if the resource exists all the same."""

    def __init__(self, message: str, made: tuple[str, dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.made = made


class Context:
    """The part of a gRPC context that the servicer uses."""

    async def abort(self, _code: object, message: str) -> None:
        raise Refused(message)

    async def abort_with_status(self, status: Any) -> None:
        rich = status_pb2.Status.FromString(dict(status.trailing_metadata)["grpc-status-details-bin"])
        detail = provider_pb2.ErrorResourceInitFailed()
        rich.details[0].Unpack(detail)
        raise Refused(status.details, (detail.id, json_format.MessageToDict(detail.properties)))


class Engine:
    """One plugin, driven through its servicer."""

    def __init__(self, servicer: Any) -> None:
        self.servicer = servicer

    def check_config(self, urn: str, settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        reply = self._call("CheckConfig", provider_pb2.CheckRequest(urn=urn, news=struct(settings)))
        return json_format.MessageToDict(reply.inputs), [failure.reason for failure in reply.failures]

    def configure(self, settings: dict[str, Any]) -> None:
        self._call("Configure", provider_pb2.ConfigureRequest(args=struct(settings), acceptSecrets=True))

    def check(
        self, urn: str, inputs: dict[str, Any], old: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        request = provider_pb2.CheckRequest(urn=urn, olds=struct(old or {}), news=struct(inputs), randomSeed=b"seed")
        reply = self._call("Check", request)
        return json_format.MessageToDict(reply.inputs), [failure.reason for failure in reply.failures]

    def checked(self, urn: str, inputs: dict[str, Any]) -> dict[str, Any]:
        values, failures = self.check(urn, inputs)
        assert not failures
        return values

    def create(self, urn: str, inputs: dict[str, Any], **options: Any) -> tuple[str, dict[str, Any]]:
        properties = struct(self.checked(urn, inputs))
        reply = self._call("Create", provider_pb2.CreateRequest(urn=urn, properties=properties, **options))
        return reply.id, json_format.MessageToDict(reply.properties)

    def diff(self, urn: str, state: dict[str, Any], inputs: dict[str, Any]) -> Any:
        news = struct(self.checked(urn, inputs))
        return self._call("Diff", provider_pb2.DiffRequest(urn=urn, id="1", olds=struct(state), news=news))

    def read(self, urn: str, id_: str, state: dict[str, Any], inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.ReadRequest(urn=urn, id=id_, properties=struct(state), inputs=struct(inputs))
        reply = self._call("Read", request)
        return reply.id, json_format.MessageToDict(reply.properties)

    def update(
        self, urn: str, id_: str, state: dict[str, Any], inputs: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        news = struct(self.checked(urn, inputs))
        request = provider_pb2.UpdateRequest(urn=urn, id=id_, olds=struct(state), news=news, **options)
        return dict(json_format.MessageToDict(self._call("Update", request).properties))

    def delete(self, urn: str, id_: str, state: dict[str, Any]) -> None:
        self._call("Delete", provider_pb2.DeleteRequest(urn=urn, id=id_, properties=struct(state)))

    def cancel(self) -> None:
        asyncio.run(self.servicer.Cancel(None, None))

    def _call(self, method: str, request: Any) -> Any:
        return asyncio.run(getattr(self.servicer, method)(request, Context()))


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, "value": value}


def asset(**content: str) -> dict[str, Any]:
    return {SIGNATURE: ASSET, **content}


def archive(**content: str) -> dict[str, Any]:
    return {SIGNATURE: ARCHIVE, **content}
