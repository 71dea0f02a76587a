"""The resource `command:remote:Command`: a command on a remote host for each of create, update and delete."""

from collections.abc import Iterable
from typing import Any

from pulumi_command.remote import Command as CommandResource
from pulumi_command.remote import CommandArgs, Logging

from offline.toolchain.plugins.command.assets import by_hash, fingerprint
from offline.toolchain.plugins.command.connection import dialled
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.execution import Command, Output, execute
from offline.toolchain.plugins.command.interrupt import run
from offline.toolchain.plugins.command.settings import CONNECTION_DEFAULTS, FOREVER, connection_problems, new_id
from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.common.values import Unknown

LOG_STDOUT = ("stdout", "stdoutAndStderr")
LOG_STDERR = ("stderr", "stdoutAndStderr")


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
        """Run `update`, or else `create`, with the outputs of the last run in the environment."""
        text = operation.inputs.get("update", operation.inputs.get("create"))
        return {**operation.inputs, **self._run(log, operation, operation.inputs, text)}

    def delete(self, log: EngineLog, operation: Operation) -> None:
        """Run `delete`, if there is one, with the connection and environment that the state has."""
        self._run(log, operation, operation.state, operation.state.get("delete"))

    def _run(self, log: EngineLog, operation: Operation, settings: Values, text: str | None) -> Values:
        last = {name: operation.state.get(name) or "" for name in ("stdout", "stderr")}
        if text is None:
            return last
        logging = settings.get("logging") or "stdoutAndStderr"
        previous = {f"PULUMI_COMMAND_{name.upper()}": value for name, value in last.items() if value}
        command = Command(
            text=text,
            stdin=settings.get("stdin"),
            environment=settings.get("environment") or {},
            previous=previous if settings.get("addPreviousOutputInEnv") is not False else {},
            log_stdout=logging in LOG_STDOUT,
            log_stderr=logging in LOG_STDERR,
        )
        output = run(operation, _execute(log, operation, settings["connection"], command))
        return {"stdout": output.stdout, "stderr": output.stderr}


async def _execute(log: EngineLog, operation: Operation, connection: Values, command: Command) -> Output:
    def status(message: str) -> None:
        log.status(operation.urn, message)

    def warn(message: str) -> None:
        log.warn(operation.urn, message)

    async with dialled(connection, status, operation.deadline) as server:
        return await execute(server, command, status, warn)


def _problems(inputs: Values) -> Iterable[tuple[str, str]]:
    yield from connection_problems(inputs)
    logging: Any = inputs.get("logging")
    known = [member.value for member in Logging]
    if logging is not None and not isinstance(logging, Unknown) and logging not in known:
        yield "logging", f'"{logging}" is none of {", ".join(known)}'


REMOTE_COMMAND = ResourceType(
    token="command:remote:Command",  # noqa: S106  (a type token)
    schema=resource_schema(CommandArgs, CommandResource),
    operations=RemoteCommand(),
    input_defaults=CONNECTION_DEFAULTS,
    records_defaults=False,
    replace_on=frozenset({"triggers"}),
    in_place=r"triggers\[",
    canonical={"connection": fingerprint, "environment": fingerprint, "triggers": by_hash},
    empty_is_absent=False,
    unknown_on_update=frozenset({"stdout", "stderr"}),
    secret_outputs=frozenset({"connection"}),
    check=_problems,
    timeout=FOREVER,
)
