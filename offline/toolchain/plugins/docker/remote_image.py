"""The resource `docker:index/remoteImage:RemoteImage`: an image that the Docker engine has pulled."""

from collections.abc import Iterable

import pulumi_docker

from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.docker.checks import unused
from offline.toolchain.plugins.docker.daemon import Daemon
from offline.toolchain.plugins.docker.images import Json, find_image, local_image, repo_digest

USED = frozenset({"keepLocally", "name", "triggers"})


class RemoteImages:
    def create(self, daemon: Daemon, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        image = find_image(daemon, inputs["name"])
        return image["Id"] + inputs["name"], _state(image, inputs)

    def read(self, daemon: Daemon, operation: Operation) -> tuple[str, Values] | None:
        name = operation.state.get("name")
        if not name:
            raise ProviderError("images cannot be imported, as in the real plugin")
        image = local_image(daemon, name)
        return (image["Id"] + name, _state(image, operation.state)) if image else None

    def update(self, daemon: Daemon, operation: Operation) -> Values:
        return self.create(daemon, operation)[1]

    def delete(self, daemon: Daemon, operation: Operation) -> None:
        name = operation.state["name"]
        if operation.state.get("keepLocally") or local_image(daemon, name) is None:
            return
        with daemon.errors("Unable to remove Docker image"):
            daemon.client.remove_image(name)


def _state(image: Json, known: Values) -> Values:
    return {**known, "imageId": image["Id"], "repoDigest": repo_digest(known["name"], image)}


def _problems(inputs: Values) -> Iterable[tuple[str, str]]:
    return unused(inputs, USED)


REMOTE_IMAGE = ResourceType(
    token="docker:index/remoteImage:RemoteImage",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_docker.RemoteImageArgs, pulumi_docker.RemoteImage),
    operations=RemoteImages(),
    replace_on=frozenset({"name", "triggers"}),
    check=_problems,
)
