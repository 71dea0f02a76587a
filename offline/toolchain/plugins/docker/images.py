"""Find an image on the Docker engine, pulling it if need be."""

from typing import Any

import docker  # type: ignore[import-untyped]

from offline.toolchain.plugins.common.resource import ProviderError
from offline.toolchain.plugins.docker.daemon import Daemon

Json = dict[str, Any]


def local_image(daemon: Daemon, name: str) -> Json | None:
    """The engine's description of an image that it has, by name, digest or id."""
    with daemon.errors(f"unable to inspect image {name}"):
        try:
            return dict(daemon.client.inspect_image(name))
        except docker.errors.ImageNotFound:
            return None


def find_image(daemon: Daemon, name: str) -> Json:
    """The image of that name, pulled if it is not there yet. Raises ProviderError if it cannot be had."""
    if not name:
        raise ProviderError("empty image name is not allowed")
    found = local_image(daemon, name)
    if found is None:
        _pull(daemon, name)
        found = local_image(daemon, name)
    if found is None:
        raise ProviderError(f"unable to find or pull image {name}")
    return found


def repo_digest(name: str, image: Json) -> str:
    """`repository@sha256:…` of an image that came from a registry; of several the one of the name's repository."""
    digests: list[str] = image.get("RepoDigests") or []
    # The name is cut at the first colon, also that of a registry's port, and only compared as a prefix.
    same = [digest for digest in digests if digest.startswith(name.partition(":")[0])]
    return ([*same, *digests, ""])[0] if len(digests) != 1 else digests[0]


def _pull(daemon: Daemon, name: str) -> None:
    repository, tag = pull_reference(name)
    with daemon.errors(f"unable to pull image {name}"):
        # The empty credentials keep the client from using those of this machine's user.
        events = daemon.client.pull(repository, tag, stream=True, decode=True, auth_config={})
        for event in events:
            if "error" in event:
                raise ProviderError(f"unable to pull image {name}: {event['error']}")


def pull_reference(name: str) -> tuple[str, str]:
    """Repository and tag or digest to pull; beside a digest a tag means nothing."""
    repository, _, digest = name.partition("@")
    path, colon, tag = repository.rpartition(":")
    if not colon or "/" in tag:
        path, tag = repository, "latest"
    return path, digest or tag
