"""The folders that Poste's container sees: its data, and nothing else of the server."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.server_folders import CERTIFICATES
from policy.model import CONTAINER, UNKNOWN, VOLUME, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

DATA = "/data"
MOUNTED = "/mnt/"
"""Below it the server's volumes are mounted; all else is the server's own."""


@dataclass(frozen=True)
class Mount:
    """Something that is mounted into the container, however that was written. Any value may be UNKNOWN."""

    target: Any
    kind: Any
    """bind, volume or tmpfs."""
    source: Any
    read_only: bool = False

    @property
    def covers_data(self) -> bool:
        """Whether it is, or hides, Poste's data or a part of it."""
        return isinstance(self.target, str) and f"{_normal(self.target)}/".startswith(f"{DATA}/")


def mounts(container: Resource) -> Iterator[Mount]:
    """All that is mounted into the container, by whichever property."""
    for entry in container.entries("mounts"):
        yield Mount(entry.get("target"), entry.get("type"), entry.get("source"), entry.get("readOnly") is True)
    for entry in container.entries("volumes"):
        folder = entry.get("hostPath")
        source = folder or entry.get("volumeName") or entry.get("fromContainer")
        yield Mount(entry.get("containerPath"), "bind" if folder else "volume", source, entry.get("readOnly") is True)
    memory = container.get("tmpfs")
    for target in memory if isinstance(memory, Mapping) else ():
        yield Mount(target, "tmpfs", None)


def data_kept(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """/data is a folder of the server, writable, and nothing that goes with the container hides a part of it."""
    if container.may_have_more("volumes") or container.may_have_more("mounts"):
        return
    found = list(mounts(container))
    folders = [
        mount
        for mount in found
        if (mount.target is UNKNOWN or _normal(mount.target or "") == DATA)
        and mount.kind in ("bind", UNKNOWN)
        and mount.source
    ]
    if not folders:
        yield f"No folder of the server is mounted as {DATA}."
    elif any(mount.read_only for mount in folders):
        yield f"{DATA} is mounted read-only."
    for mount in found:
        if folders and mount.covers_data and mount.kind not in ("bind", UNKNOWN):
            yield f"A {mount.kind} at {mount.target} hides a part of the data and goes with the container."


def volume_only(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Folders of the server are mounted from the volume alone, without the authority's account; Docker's volumes never.

    Docker keeps its volumes on the server's disk, and with options a volume of its can be any folder of the server.
    """
    for mount in mounts(container):
        if mount.kind == "bind" and isinstance(mount.source, str) and not _normal(mount.source).startswith(MOUNTED):
            yield f"The server's {mount.source} is mounted into the container."
        elif mount.kind == "bind" and isinstance(mount.source, str) and _overlap(_normal(mount.source), CERTIFICATES):
            yield f"{mount.source}, which is mounted into the container, holds the key of the authority's account."
        elif mount.kind not in ("bind", "tmpfs", UNKNOWN):
            yield f"A {mount.kind} that is no folder of the volume is mounted as {mount.target}."


def data_on_volume(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The folder comes from the volume.

    That is seen in what its value comes from, which is known in a preview too, and which a folder written by hand has
    not.
    """
    for container in resources.of_type(CONTAINER):
        sources = container.uses.get("volumes", frozenset()) | container.uses.get("mounts", frozenset())
        if not any(found.type == VOLUME for found in resources.sources(sources)):
            yield container, f"The folder that is mounted as {DATA} does not come from a volume."


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _normal(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")


RULES = (
    ResourceRule(
        name="container-data-kept",
        why="Poste's data is a folder of the server, because what lies inside a container goes with it.",
        remedy="Mount the volume's folder as /data.",
        types=(CONTAINER,),
        check=data_kept,
    ),
    ResourceRule(
        name="container-sees-volume-only",
        why="The container sees no folder or socket of the server but what lies on the volume, and of that not the "
        "authority's account, because whoever breaks into Poste would else own the server or the account.",
        remedy="Mount only Poste's data and the challenges from the volume, and as type bind.",
        types=(CONTAINER,),
        check=volume_only,
    ),
    StackRule(
        name="container-data-on-volume",
        why="Poste's data lies on the volume, which outlives the server.",
        remedy="Take the folder from the output of the command that mounts the volume.",
        check=data_on_volume,
    ),
)
