"""The resource `command:local:Command`: a command on this machine for each of create, update and delete."""

import asyncio
import os

from pulumi_command.local import Command as CommandResource
from pulumi_command.local import CommandArgs

from offline.toolchain.plugins.command.assets import by_hash, fingerprint
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.interrupt import run
from offline.toolchain.plugins.command.settings import FOREVER, new_id
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema

SHELL = ("/bin/sh", "-c")


class LocalCommand:
    """The four operations. The `log` they are given is the engine's."""

    def create(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """Run `create`, if there is one."""
        outputs = self._run(operation, operation.inputs, operation.inputs.get("create"))
        return new_id(operation.name), {**operation.inputs, **outputs}

    def read(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """What a command has done cannot be looked up: the state is taken for true."""
        return operation.id, operation.state

    def update(self, log: EngineLog, operation: Operation) -> Values:  # noqa: ARG002
        """Run `update`, or else `create`."""
        text = operation.inputs.get("update", operation.inputs.get("create"))
        return {**operation.inputs, **self._run(operation, operation.inputs, text)}

    def delete(self, log: EngineLog, operation: Operation) -> None:  # noqa: ARG002
        """Run `delete`, if there is one, as the state has it."""
        self._run(operation, operation.state, operation.state.get("delete"))

    def _run(self, operation: Operation, settings: Values, text: str | None) -> Values:
        last = {name: operation.state.get(name) or "" for name in ("stdout", "stderr")}
        if text is None:
            return last
        previous = {f"PULUMI_COMMAND_{name.upper()}": value for name, value in last.items() if value}
        return run(operation, _execute(settings, text, previous))


async def _execute(settings: Values, text: str, previous: dict[str, str]) -> Values:
    process = await asyncio.create_subprocess_exec(
        *(settings.get("interpreter") or SHELL),
        text,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=settings.get("dir"),
        env={**os.environ, **previous, **(settings.get("environment") or {})},
    )
    try:
        stdout, stderr = await process.communicate((settings.get("stdin") or "").encode())
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        shown = (stdout + stderr).decode(errors="replace")
        raise ProviderError(f'the local command exited with status {process.returncode}: running "{text}":\n{shown}')
    return {
        "stdout": stdout.decode(errors="replace").removesuffix("\n"),
        "stderr": stderr.decode(errors="replace").removesuffix("\n"),
    }


LOCAL_COMMAND = ResourceType(
    token="command:local:Command",  # noqa: S106  (a type token)
    schema=resource_schema(CommandArgs, CommandResource),
    operations=LocalCommand(),
    records_defaults=False,
    replace_on=frozenset({"triggers"}),
    in_place=r"triggers\[",
    canonical={"connection": fingerprint, "environment": fingerprint, "triggers": by_hash},
    empty_is_absent=False,
    unknown_on_update=frozenset({"stdout", "stderr"}),
    refused=frozenset({"archivePaths", "assetPaths"}),
    timeout=FOREVER,
)
