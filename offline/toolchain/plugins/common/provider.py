"""The generic engine: a Pulumi provider made of tables of resource types and functions.

A provider derives from `TableProvider`, gives its tables and says how to connect to the API. Everything else - checks,
differences, previews, refresh, import, partial failures - is the same for all.
"""

import asyncio
import os
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from offline.toolchain.plugins.common.check import check_resource, check_values, without_records
from offline.toolchain.plugins.common.diff import diff, opened, planned
from offline.toolchain.plugins.common.inputs import inputs_of_state
from offline.toolchain.plugins.common.resource import (
    Function,
    Operation,
    PartialFailureError,
    ProviderError,
    ResourceType,
    Values,
)
from offline.toolchain.plugins.common.schema import Property
from offline.toolchain.plugins.common.values import UNKNOWN, Unknown, from_plain, plain_map, secret_names, without_none

T = TypeVar("T")

# Operations block in threads. The engine runs many at once, so the pool is larger than the machine's cores.
THREADS = 32

ENGINE_SETTINGS = frozenset({"version", "pluginDownloadURL"})
"""What the engine adds to every provider's own settings."""


class TableProvider(rpc.Provider):
    """A provider made of tables. Derived classes set the class attributes and define `connect`."""

    name: str
    settings: Mapping[str, Property]
    """The provider's own configuration."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Environment variables that stand in for absent settings."""
    secret_settings: frozenset[str] = frozenset()
    resources: tuple[ResourceType, ...]
    functions: tuple[Function, ...] = ()
    bridged: bool = False
    """Whether the real plugin is a Terraform provider in the bridge, which repeats the id among the outputs."""

    def __init__(self) -> None:
        self.types = {kind.token: kind for kind in self.resources}
        self.calls = {function.token: function for function in self.functions}
        self.cancelled = threading.Event()
        self.threads = ThreadPoolExecutor(THREADS)
        self.client: Any = None

    @abstractmethod
    def connect(self, settings: Values) -> Any:
        """The API client made of checked settings; raises `ProviderError` if they are no good. Does no I/O."""

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:  # noqa: ARG002
        """Problems with known settings as (setting, message); "" as setting if it concerns several."""
        return []

    def opened(self, kind: ResourceType, operation: Operation) -> frozenset[str]:
        """The outputs that the preview of an update shows as unknown, whatever they were before."""
        return opened(kind, operation.state, operation.inputs)

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        own = {k: v for k, v in request.new_inputs.items() if k not in ENGINE_SETTINGS}
        inputs, failures = check_values(own, self.settings, f"{request.name}.")
        for setting, variable in self.environment.items():
            if setting not in inputs and os.environ.get(variable):
                inputs[setting] = PropertyValue(os.environ[variable])
        for setting in self.secret_settings & inputs.keys():
            inputs[setting] = inputs[setting].with_secret(True)
        if not failures:
            for setting, message in self.check_settings(plain_map(inputs)):
                where = f" Examine values at '{request.name}.{setting}'." if setting else ""
                failures.append(rpc.CheckFailure("", f"could not validate provider configuration: {message}.{where}"))
        engine = {k: v for k, v in request.new_inputs.items() if k in ENGINE_SETTINGS}
        return rpc.CheckResponse(inputs={**inputs, **engine}, failures=failures)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        settings = {k: v for k, v in plain_map(request.args).items() if k in self.settings}
        self.client = self.connect(without_none(settings))
        # Output values (with dependencies) are refused: the SDK cannot read unknown ones.
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        kind = self._type(request.type)
        inputs, failures = check_resource(
            kind, request.name, request.old_inputs, request.new_inputs, request.random_seed
        )
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        kind = self._type(request.type)
        return diff(kind, plain_map(request.old_state), plain_map(request.new_inputs), list(request.ignore_changes))

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        kind = self._type(request.type)
        operation = self._operation(kind, request.urn, request.timeout, inputs=request.properties)
        if request.preview:
            plan = planned(kind, {}, operation.inputs)
            if self.bridged:
                plan["id"] = UNKNOWN
            return rpc.CreateResponse("", self._outputs(kind, operation, plan))
        operation.inputs = {**kind.plan_defaults, **without_records(operation.inputs)}
        try:
            id_, state = await self._run(operation, lambda: kind.operations.create(self.client, operation))
        except Exception as error:
            # Whatever went wrong, a resource that exists must not be forgotten.
            if operation.created is None:
                raise
            id_, state = operation.created
            operation.id = id_
            plan = planned(kind, {}, operation.inputs)
            known = {name: value for name, value in plan.items() if not isinstance(value, Unknown)} | state
            raise PartialFailureError(id_, self._outputs(kind, operation, known), str(error)) from error
        operation.id = id_
        return rpc.CreateResponse(id_, self._outputs(kind, operation, state))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        kind = self._type(request.type)
        operation = self._operation(
            kind, request.urn, 0, id_=request.resource_id, state=request.properties, inputs=request.inputs
        )
        old_inputs = operation.inputs
        found = await self._run(operation, lambda: kind.operations.read(self.client, operation))
        if found is None:
            return rpc.ReadResponse("")
        id_, state = found
        operation.id = id_
        outputs = self._outputs(kind, operation, state)
        inputs = inputs_of_state(kind, old_inputs, state)
        return rpc.ReadResponse(id_, outputs, from_plain(inputs, operation.secrets | kind.secret_outputs))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        kind = self._type(request.type)
        operation = self._operation(
            kind, request.urn, request.timeout, id_=request.resource_id, state=request.olds, inputs=request.news
        )
        if request.preview:
            plan = planned(kind, operation.state, operation.inputs)
            plan.update(dict.fromkeys(self.opened(kind, operation), UNKNOWN))
            return rpc.UpdateResponse(self._outputs(kind, operation, plan))
        operation.inputs = {**kind.plan_defaults, **without_records(operation.inputs)}
        state = await self._run(operation, lambda: kind.operations.update(self.client, operation))
        return rpc.UpdateResponse(self._outputs(kind, operation, state))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        kind = self._type(request.type)
        operation = self._operation(
            kind, request.urn, request.timeout, id_=request.resource_id, state=request.properties
        )
        await self._run(operation, lambda: kind.operations.delete(self.client, operation))

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        function = self.calls.get(request.tok)
        if function is None:
            raise ProviderError(f"unrecognized function: {request.tok}")
        arguments, failures = check_values(request.args, function.schema.inputs, "")
        if failures:
            return rpc.InvokeResponse(failures=failures)
        values = plain_map(arguments)
        result = await asyncio.get_running_loop().run_in_executor(
            self.threads, lambda: function.call(self.client, values)
        )
        return rpc.InvokeResponse(from_plain(without_none(result), secret_names(arguments)))

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:  # noqa: ARG002
        return rpc.GetSchemaResponse(f'{{"name": "{self.name}"}}')

    async def cancel(self) -> None:
        self.cancelled.set()

    def _type(self, token: str) -> ResourceType:
        token = token.rpartition("$")[2]  # the URN's type starts with those of the parents
        if token not in self.types:
            raise ProviderError(f"unrecognized resource type: {token}")
        return self.types[token]

    def _operation(
        self,
        kind: ResourceType,
        urn: str,
        timeout: float,
        *,
        id_: str = "",
        inputs: Mapping[str, PropertyValue] | None = None,
        state: Mapping[str, PropertyValue] | None = None,
    ) -> Operation:
        return Operation(
            urn=urn,
            name=urn.rsplit("::", 1)[-1],
            id=id_,
            inputs=plain_map(inputs),
            state=plain_map(state),
            deadline=time.monotonic() + (timeout or kind.timeout),
            cancelled=self.cancelled,
            secrets=secret_names(inputs or {}),
        )

    async def _run(self, operation: Operation, work: Callable[[], T]) -> T:
        """Run blocking work in a thread; what goes wrong names the resource."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        except ProviderError as error:
            raise ProviderError(f"{operation.name}: {error}") from error

    def _outputs(self, kind: ResourceType, operation: Operation, state: Values) -> dict[str, PropertyValue]:
        """Outputs for the engine; those named like a secret input are secret too."""
        state = without_none(without_records(state))
        if kind.records_defaults:
            # The SDK v2's state has each property, if only as null.
            state = dict.fromkeys(kind.schema.outputs) | state
        if self.bridged and operation.id:
            state["id"] = operation.id
        return from_plain(state, operation.secrets | kind.secret_outputs)
