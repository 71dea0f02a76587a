"""The resource `command:remote:Command`: a command on a remote host for each of create, update and delete."""

from collections.abc import Iterable

from pulumi_command.remote import Command as CommandResource
from pulumi_command.remote import CommandArgs

from offline.toolchain.plugins.command.assets import by_hash, fingerprint
from offline.toolchain.plugins.command.connection import dialled
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.execution import execute
from offline.toolchain.plugins.command.interrupt import run
from offline.toolchain.plugins.command.settings import CONNECTION_DEFAULTS, FOREVER, connection_problems, new_id
from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema


class RemoteCommand:
    """The four operations. The `log` they are given is where the command's output goes while it runs."""

    def create(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:
        """Run `create`, if there is one."""
        id_ = new_id(operation.name)
        return id_, {**operation.inputs, **self._run(log, operation, operation.inputs, operation.inputs.get("create"))}

    def read(self, log: EngineLog, operation: Operation) -> tuple[str, Values]:  # noqa: ARG002
        """What a command has done cannot be looked up: the state is taken for true."""
        return operation.id, operation.state

    def update(self, log: EngineLog, operation: Operation) -> Values:
        """Run `update`, or else `create`."""
        text = operation.inputs.get("update", operation.inputs.get("create"))
        return {**operation.inputs, **self._run(log, operation, operation.inputs, text)}

    def delete(self, log: EngineLog, operation: Operation) -> None:
        """Run `delete`, if there is one, with the connection that the state has."""
        self._run(log, operation, operation.state, operation.state.get("delete"))

    def _run(self, log: EngineLog, operation: Operation, settings: Values, text: str | None) -> Values:
        if text is None:
            return {name: operation.state.get(name) or "" for name in ("stdout", "stderr")}
        return run(operation, _execute(log, operation, settings, text))


async def _execute(log: EngineLog, operation: Operation, settings: Values, text: str) -> Values:
    def status(message: str) -> None:
        log.status(operation.urn, message)

    async with dialled(settings["connection"], status, operation.deadline) as server:
        output = await execute(server, text, settings.get("stdin") or "", status)
    return {"stdout": output.stdout, "stderr": output.stderr}


def _problems(inputs: Values) -> Iterable[tuple[str, str]]:
    yield from connection_problems(inputs)
    if inputs.get("addPreviousOutputInEnv") is not False:
        yield "addPreviousOutputInEnv", "has to be false: this stand-in tells a command nothing of its last output"


REMOTE_COMMAND = ResourceType(
    token="command:remote:Command",  # noqa: S106  (a type token)
    schema=resource_schema(CommandArgs, CommandResource),
    operations=RemoteCommand(),
    input_defaults=CONNECTION_DEFAULTS,
    records_defaults=False,
    replace_on=frozenset({"triggers"}),
    in_place=r"triggers\[",
    canonical={"connection": fingerprint, "triggers": by_hash},
    empty_is_absent=False,
    unknown_on_update=frozenset({"stdout", "stderr"}),
    secret_outputs=frozenset({"connection"}),
    refused=frozenset({"environment", "logging"}),
    check=_problems,
    timeout=FOREVER,
)
