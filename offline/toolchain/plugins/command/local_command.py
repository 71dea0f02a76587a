"""The resource `command:local:Command`: a command on this machine when it is deleted."""

import asyncio

from pulumi_command.local import Command as CommandResource
from pulumi_command.local import CommandArgs

from offline.toolchain.plugins.command.assets import by_hash
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.interrupt import run
from offline.toolchain.plugins.command.settings import FOREVER, new_id
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema


class LocalCommand:
    """The four operations. The `log` they are given is the engine's."""

    def create(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """Nothing is run."""
        return new_id(operation.name), {**operation.inputs, "stdout": "", "stderr": ""}

    def read(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """What a command has done cannot be looked up: the state is taken for true."""
        return operation.id, operation.state

    def update(self, log: EngineLog, operation: Operation) -> Values:  # noqa: ARG002
        """Nothing is run."""
        return {**operation.inputs, "stdout": "", "stderr": ""}

    def delete(self, log: EngineLog, operation: Operation) -> None:  # noqa: ARG002
        """Run `delete`, if there is one, as the state has it."""
        if operation.state.get("delete"):
            run(operation, _execute(operation.state["delete"]))


async def _execute(text: str) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", text, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        stdout, stderr = await process.communicate(b"")
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        shown = (stdout + stderr).decode(errors="replace")
        raise ProviderError(f'the local command exited with status {process.returncode}: running "{text}":\n{shown}')


LOCAL_COMMAND = ResourceType(
    token="command:local:Command",  # noqa: S106  (a type token)
    schema=resource_schema(CommandArgs, CommandResource),
    operations=LocalCommand(),
    records_defaults=False,
    replace_on=frozenset({"triggers"}),
    in_place=r"triggers\[",
    canonical={"triggers": by_hash},
    empty_is_absent=False,
    unknown_on_update=frozenset({"stdout", "stderr"}),
    refused=frozenset(
        {"create", "update", "stdin", "dir", "environment", "interpreter", "logging", "archivePaths", "assetPaths"}
    ),
    timeout=FOREVER,
)
