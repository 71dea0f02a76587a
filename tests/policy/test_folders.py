"""The rules for what Poste's container sees of the server's folders."""

from dataclasses import replace
from typing import Any

import pytest

from policy.model import COMMAND, CONTAINER, UNKNOWN, VOLUME, Resource
from tests.support.case import Case, holds, sentence

DATA = {"target": "/data", "source": "/mnt/poste/data", "type": "bind"}


def container(**props: Any) -> Resource:
    return Resource(CONTAINER, "poste", props, "container")


def folder(path: Any, inside: Any = "/data", **more: Any) -> Resource:
    return container(volumes=[{"hostPath": path, "containerPath": inside, **more}])


def mounting(*others: dict[str, Any], **changes: Any) -> Resource:
    return container(mounts=[DATA | changes, *others])


CHALLENGES = {
    "target": "/opt/www/.well-known/acme-challenge",
    "source": "/mnt/poste/webroot/.well-known/acme-challenge",
    "type": "bind",
}


VOLUME_ITSELF = Resource(VOLUME, "mail", {}, "volume")
SCRIPT = Resource(COMMAND, "host-volume", {}, "script", uses={"stdin": frozenset({"volume"})})
ELSEWHERE = Resource(COMMAND, "host-ready", {}, "other")

CASES = [
    Case("a folder of the server", "container-data-kept", [folder("/mnt/poste")]),
    Case("a mount of a folder of the server", "container-data-kept", [mounting(), mounting(target="/data/")]),
    Case("nothing", "container-data-kept", [container()], "No folder"),
    Case("another folder", "container-data-kept", [folder("/mnt/poste", "/srv")], "No folder"),
    Case("a volume without a place on the server", "container-data-kept", [folder(None)], "No folder"),
    Case(
        "a volume of Docker's with a name",
        "container-data-kept",
        [container(volumes=[{"volumeName": "poste", "containerPath": "/data"}])],
        "No folder",
    ),
    Case("a mount of a volume of Docker's", "container-data-kept", [mounting(type="volume", source="x")], "No folder"),
    Case("memory as data", "container-data-kept", [mounting(type="tmpfs", source=None)], "No folder"),
    Case("memory as data by the other property", "container-data-kept", [container(tmpfs={"/data": ""})], "No folder"),
    Case(
        "memory over a part of the data",
        "container-data-kept",
        [mounting({"target": "//data/domains", "type": "tmpfs"})],
        "tmpfs at //data/domains hides",
    ),
    Case(
        "memory over a part of the data by the other property",
        "container-data-kept",
        [replace(mounting(), props={"mounts": [DATA], "tmpfs": {"/data/queue": "size=1g"}})],
        "tmpfs at /data/queue hides",
    ),
    Case(
        "memory elsewhere",
        "container-data-kept",
        [mounting({"target": "/tmp", "type": "tmpfs"}, {"target": "/database", "type": "tmpfs"})],  # noqa: S108
    ),
    Case("a folder to read only", "container-data-kept", [folder("/mnt/poste", readOnly=True)], "read-only"),
    Case(
        "a folder that is not known yet",
        "container-data-kept",
        [folder(UNKNOWN), folder("/mnt/poste", UNKNOWN), container(volumes=UNKNOWN), container(mounts=UNKNOWN)],
    ),
    Case(
        "folders of the volume, and memory",
        "container-sees-volume-only",
        [
            mounting(CHALLENGES, {"target": "/run", "type": "tmpfs"}),
            folder("/mnt/poste/data"),
            container(tmpfs={"/run": ""}),
        ],
    ),
    *(
        Case(f"the server's {path} as a mount", "container-sees-volume-only", [mounting(source=path)], path)
        for path in ("/", "//", "/etc", "/mnt", "/mnt/../etc", "/mnt/poste/../..", "/srv/poste", "/mntposte")
    ),
    *(
        Case(
            f"{path}, in which the authority's account lies",
            "container-sees-volume-only",
            [mounting(CHALLENGES | {"source": path})],
            "the authority's account",
        )
        for path in ("/mnt/poste", "/mnt/poste/certificates/", "/mnt/poste/data/../certificates/x/config/accounts")
    ),
    *(
        Case(f"the server's {path} beside the data", "container-sees-volume-only", [folder(path, "/x")], path)
        for path in ("/var/run/docker.sock", "/run/docker.sock", "/", "/proc", "/root/.ssh", "/var/lib/docker")
    ),
    Case(
        "a volume of Docker's that may be any folder",
        "container-sees-volume-only",
        [
            mounting(
                {"target": "/x", "type": "volume", "source": "root", "volumeOptions": {"driverOptions": {"o": "bind"}}}
            )
        ],
        "mounted as /x",
    ),
    Case(
        "a volume of Docker's by its name",
        "container-sees-volume-only",
        [container(volumes=[{"volumeName": "x", "containerPath": "/y"}])],
        "mounted as /y",
    ),
    Case(
        "the volumes of another container",
        "container-sees-volume-only",
        [container(volumes=[{"fromContainer": "other"}])],
        "no folder of the volume",
    ),
    Case(
        "mounts that are not known yet",
        "container-sees-volume-only",
        [mounting(source=UNKNOWN), mounting(type=UNKNOWN), container(mounts=UNKNOWN, volumes=[UNKNOWN], tmpfs=UNKNOWN)],
    ),
    Case(
        "a folder that comes from the volume, in a preview that knows nothing else",
        "container-data-on-volume",
        [replace(mounting(source=UNKNOWN), uses={"mounts": frozenset({"script"})}), SCRIPT, VOLUME_ITSELF],
    ),
    Case(
        "a folder that comes from the volume itself",
        "container-data-on-volume",
        [replace(mounting(), uses={"mounts": frozenset({"volume"})}), VOLUME_ITSELF],
    ),
    Case(
        "a folder that is not known yet but comes from elsewhere",
        "container-data-on-volume",
        [replace(folder(UNKNOWN), uses={"volumes": frozenset({"other"})}), SCRIPT, ELSEWHERE, VOLUME_ITSELF],
        "does not come from a volume",
    ),
    Case(
        "a folder written by hand",
        "container-data-on-volume",
        [replace(folder("/srv/poste"), uses={"image": frozenset({"script"})}), SCRIPT, ELSEWHERE, VOLUME_ITSELF],
        "does not come from a volume",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
