"""The resource `command:remote:CopyToRemote`: a file of the program on a remote host."""

import secrets
from collections.abc import Iterable
from typing import Any

import asyncssh
from pulumi_command.remote import CopyToRemote as CopyToRemoteResource
from pulumi_command.remote import CopyToRemoteArgs

from offline.toolchain.plugins.command.assets import ASSET, by_hash, fingerprint, kind_of
from offline.toolchain.plugins.command.connection import dialled
from offline.toolchain.plugins.command.copying import copy_file
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.interrupt import run
from offline.toolchain.plugins.command.settings import CONNECTION_DEFAULTS, FOREVER, connection_problems
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.common.values import Unknown


class CopyToRemote:
    """The four operations. What was copied is never removed, also not when the resource is deleted."""

    def create(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:
        """Copy the source."""
        run(operation, _copy(log, operation))
        return secrets.token_hex(4), operation.inputs

    def read(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """The remote files are not looked at: the state is taken for true."""
        return operation.id, operation.state

    def update(self, log: EngineLog, operation: Operation) -> Values:
        """Copy again if the source's content or the remote path has changed."""
        old, new = operation.state, operation.inputs
        if old["source"].get("hash") != new["source"].get("hash") or old["remotePath"] != new["remotePath"]:
            run(operation, _copy(log, operation))
        return new

    def delete(self, log: EngineLog, operation: Operation) -> None:
        """Nothing: the copied files stay."""


async def _copy(log: EngineLog, operation: Operation) -> None:
    source, remote = operation.inputs["source"], operation.inputs["remotePath"]

    def status(message: str) -> None:
        log.status(operation.urn, message)

    async with dialled(operation.inputs["connection"], status, operation.deadline) as server:
        try:
            async with server.start_sftp_client() as sftp:
                await copy_file(sftp, source["path"], remote)
        except (asyncssh.Error, OSError) as error:
            raise ProviderError(f"copying to {remote} failed: {error}") from error


def _problems(inputs: Values) -> Iterable[tuple[str, str]]:
    yield from connection_problems(inputs)
    source: Any = inputs.get("source")
    if not isinstance(source, Unknown):
        yield from _source_problems(source)


def _source_problems(source: Any) -> Iterable[tuple[str, str]]:
    if kind_of(source) != ASSET or "path" not in source:
        yield "source", "this stand-in copies a FileAsset and nothing else"


COPY_TO_REMOTE = ResourceType(
    token="command:remote:CopyToRemote",  # noqa: S106  (a type token)
    schema=resource_schema(CopyToRemoteArgs, CopyToRemoteResource),
    operations=CopyToRemote(),
    input_defaults=CONNECTION_DEFAULTS,
    records_defaults=False,
    replace_on=frozenset({"triggers"}),
    in_place=r"triggers\[",
    canonical={"connection": fingerprint, "source": fingerprint, "triggers": by_hash},
    empty_is_absent=False,
    unknown_on_update=frozenset({"source"}),
    secret_outputs=frozenset({"connection"}),
    check=_problems,
    timeout=FOREVER,
)
