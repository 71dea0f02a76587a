"""The resource `docker:index/container:Container`."""

import pulumi_docker

from offline.toolchain.plugins.common.diff import planned
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.common.values import UNKNOWN
from offline.toolchain.plugins.docker.checks import container_problems
from offline.toolchain.plugins.docker.creation import body, restart_policy
from offline.toolchain.plugins.docker.daemon import Daemon
from offline.toolchain.plugins.docker.images import find_image
from offline.toolchain.plugins.docker.inspection import outputs
from offline.toolchain.plugins.docker.lifecycle import find, remove, start
from offline.toolchain.plugins.docker.ports import same_ports
from offline.toolchain.plugins.docker.rules import COMPUTED, IN_PLACE, SETS

SCHEMA = resource_schema(pulumi_docker.ContainerArgs, pulumi_docker.Container)
REPLACE_ON = frozenset(SCHEMA.inputs) - IN_PLACE


class Containers:
    def create(self, daemon: Daemon, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        try:
            find_image(daemon, inputs["image"])
        except ProviderError as error:
            raise ProviderError(f"Unable to create container with image {inputs['image']}: {error}") from error
        with daemon.errors("Unable to create container"):
            made = daemon.client.create_container_from_config(body(inputs), inputs["name"])
        id_ = made["Id"]
        operation.exists(id_)
        if inputs["start"]:
            start(daemon, id_)
        container = find(daemon, id_)
        if container is None:
            raise ProviderError("the container was gone as soon as it was started")
        found = outputs(container, inputs)
        # A set that the program gave is recorded as given, whatever form Docker has brought it to.
        return id_, found | {name: inputs[name] for name in SETS & inputs.keys()}

    def read(self, daemon: Daemon, operation: Operation) -> tuple[str, Values] | None:
        container = find(daemon, operation.id)
        return (container["Id"], outputs(container, operation.state)) if container else None

    def update(self, daemon: Daemon, operation: Operation) -> Values:
        inputs = operation.inputs
        if inputs["mustRun"] and not operation.state.get("mustRun") and inputs["start"]:
            start(daemon, operation.id)
        if operation.changed("restart"):
            with daemon.errors("Unable to update a container"):
                daemon.client.update_container(operation.id, restart_policy=restart_policy(inputs))
        return planned(CONTAINER, operation.state, inputs)

    def delete(self, daemon: Daemon, operation: Operation) -> None:
        remove(daemon, operation)


def _plan(state: Values, plan: Values) -> Values:
    """Ports in another order are no change; a container whose creation has failed half-way is made anew."""
    if state and plan.get("ports") and same_ports(state.get("ports") or [], plan["ports"]):
        plan["ports"] = state["ports"]
    if state and state.get("networkDatas") is None:
        unread = (name for name in sorted(COMPUTED & REPLACE_ON) if plan.get(name) is None)
        plan[next(unread, "entrypoints")] = UNKNOWN
    return plan


CONTAINER = ResourceType(
    token="docker:index/container:Container",  # noqa: S106  (a type token)
    schema=SCHEMA,
    operations=Containers(),
    autoname="name",
    input_defaults={
        "containerReadRefreshTimeoutMilliseconds": 15000,
        "mustRun": True,
        "networkMode": "bridge",
        "ports.ip": "0.0.0.0",  # noqa: S104  (the real plugin's default)
        "ports.protocol": "tcp",
        "removeVolumes": True,
        "restart": "no",
        "start": True,
        "waitTimeout": 60,
    },
    plan_defaults={"attach": False, "logs": False, "wait": False},
    replace_on=REPLACE_ON,
    in_place=r"mounts\[\d+\]\.",
    computed=COMPUTED,
    sets=SETS,
    delete_first="yes",
    check=container_problems,
    plan=_plan,
)
