"""The provider: three resource types of Pulumi's command plugin 1.2, made of the generic engine's tables."""

from collections.abc import Mapping
from types import MappingProxyType

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from offline.toolchain.plugins.command.copy_to_remote import COPY_TO_REMOTE
from offline.toolchain.plugins.command.engine_log import EngineLog
from offline.toolchain.plugins.command.local_command import LOCAL_COMMAND
from offline.toolchain.plugins.command.remote_command import REMOTE_COMMAND
from offline.toolchain.plugins.command.settings import DEFAULTS, new_id
from offline.toolchain.plugins.common.diff import changes
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import Property
from offline.toolchain.plugins.common.values import UNKNOWN, from_value, plain, without_none


class CommandProvider(TableProvider):
    """Commands here, and commands and copies over SSH.

    It has no settings of its own; its "client" is the log of the engine.
    """

    name = "command"
    settings: Mapping[str, Property] = MappingProxyType({})
    resources = (REMOTE_COMMAND, COPY_TO_REMOTE, LOCAL_COMMAND)

    def __init__(self, log: EngineLog) -> None:
        super().__init__()
        self._log = log

    def connect(self, settings: Values) -> EngineLog:  # noqa: ARG002
        return self._log

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """As the generic check, but the connection is secret whoever gave it, and so is the key in it."""
        response = await super().check(request)
        inputs = response.inputs or {}
        # The real plugin takes a secret that is not known yet for an empty one.
        for name, given in inputs.items():
            if plain(given) is UNKNOWN and (given.is_secret or name == "connection"):
                inputs[name] = from_value({"host": "", **DEFAULTS} if name == "connection" else "", secret=True)
        if "connection" in inputs:
            inputs["connection"] = _with_secrets(inputs["connection"]).with_secret(True)
        return rpc.CheckResponse(inputs, response.failures)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """As the generic create; a preview of it gives a command an id, too, though another one than it will have."""
        response = await super().create(request)
        if request.preview and self._type(request.type) is COPY_TO_REMOTE:
            return rpc.CreateResponse("", {**response.properties, "source": from_value(UNKNOWN)})
        return rpc.CreateResponse(new_id(request.name), response.properties) if request.preview else response

    def opened(self, kind: ResourceType, operation: Operation) -> frozenset[str]:
        """As the generic rule, but an input that is merely added leaves a command's output as it was."""
        changed = {change.rule for change in changes(kind, operation.state, operation.inputs)}
        replaced = changed & without_none(operation.state).keys()
        return super().opened(kind, operation) if replaced or kind is COPY_TO_REMOTE else frozenset()

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """State and inputs as they were: nothing remote is looked up."""
        return rpc.ReadResponse(request.resource_id, request.properties, request.inputs)


def _with_secrets(connection: PropertyValue) -> PropertyValue:
    settings = connection.value
    if not isinstance(settings, Mapping):
        return connection
    secret = {name: settings[name].with_secret(True) for name in settings.keys() & {"privateKey"}}
    secret |= {name: _with_secrets(settings[name]) for name in settings.keys() & {"proxy"}}
    return connection.with_value({**settings, **secret})
