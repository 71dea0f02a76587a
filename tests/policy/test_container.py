"""The rules for Poste's container."""

from dataclasses import replace
from typing import Any

import pytest

from components.poste_container import published
from policy.model import COMMAND, CONTAINER, IMAGE, UNKNOWN, VOLUME, Resource
from tests.policy.case import PROD, Case, holds, sentence

DIGEST = "sha256:" + "a" * 64
PINNED = f"analogic/poste.io:2.5.11@{DIGEST}"
DEV = replace(PROD, protected=False)
BRIDGED = replace(PROD, network_mode="bridge")


def container(**props: Any) -> Resource:
    return Resource(CONTAINER, "poste", props, "container")


def image(name: Any) -> Resource:
    return Resource(IMAGE, "poste", {"name": name})


def bridged(**port: Any) -> Resource:
    return container(networkMode="bridge", ports=[{"internal": 25, "external": 25, "ip": "0.0.0.0"} | port])  # noqa: S104


def folder(path: Any, inside: Any = "/data", **more: Any) -> Resource:
    return container(volumes=[{"hostPath": path, "containerPath": inside, **more}])


VOLUME_ITSELF = Resource(VOLUME, "mail", {}, "volume")
MOUNTING = Resource(COMMAND, "host-volume", {}, "mounting", depends_on=frozenset({"volume", "other"}))
ELSEWHERE = Resource(COMMAND, "host-ready", {}, "other")

CASES = [
    Case("an image by digest", "container-image-pinned", [image(PINNED), container(image=PINNED)]),
    Case("an image by the id that Docker gave it", "container-image-pinned", [container(image=DIGEST)]),
    Case("an image by tag only", "container-image-pinned", [image("analogic/poste.io:2.5.11")], "has no digest"),
    Case(
        "a container's image by tag only",
        "container-image-pinned",
        [container(image="analogic/poste.io:2")],
        "has no digest",
    ),
    Case(
        "the tag latest with a digest",
        "container-image-pinned",
        [image(f"analogic/poste.io:latest@{DIGEST}")],
        "tag latest",
    ),
    Case(
        "an image by tag in a stack that is not protected",
        "container-image-pinned",
        [image("analogic/poste.io:2")],
        stack=DEV,
    ),
    Case("an image that is not known yet", "container-image-pinned", [container(image=UNKNOWN)]),
    Case("an image by something else", "container-image-pinned", [image("Not an image")], "has no digest"),
    Case("a container that is restarted", "container-restarts", [container(restart="unless-stopped")]),
    Case("a container that stays down", "container-restarts", [container(restart="on-failure")], "is on-failure"),
    Case("no restart policy", "container-restarts", [container()], "is no"),
    Case("a restart policy that is not known yet", "container-restarts", [container(restart=UNKNOWN)]),
    Case("the mail host's name", "container-is-mail-host", [container(hostname="mail.example.com")]),
    Case("another name", "container-is-mail-host", [container(hostname="poste")], "hostname is poste"),
    Case("no name", "container-is-mail-host", [container()], "hostname is None"),
    Case("a name that is not known yet", "container-is-mail-host", [container(hostname=UNKNOWN)]),
    Case("a plain container", "container-unprivileged", [container(), container(privileged=False)]),
    Case("a privileged container", "container-unprivileged", [container(privileged=True)], "privileged mode"),
    Case("privileges that are not known yet", "container-unprivileged", [container(privileged=UNKNOWN)]),
    Case("the host's network", "container-ports", [container(networkMode="host", ports=[])]),
    Case(
        "the host's network and a port",
        "container-ports",
        [container(networkMode="host", ports=[{"internal": 25, "external": 25}])],
        "shares the host's network",
    ),
    Case(
        "the bridge with the port table",
        "container-ports",
        [container(networkMode="bridge", ports=published(PROD.ports))],
        stack=BRIDGED,
    ),
    Case("the bridge, not said", "container-ports", [container(ports=published(PROD.ports))], stack=BRIDGED),
    Case(
        "the bridge where the stack wants the host's network", "container-ports", [bridged()], "network mode is bridge"
    ),
    Case("a port outside the table", "container-ports", [bridged(internal=3306, external=3306)], "3306", stack=BRIDGED),
    Case("a port under another number", "container-ports", [bridged(external=2525)], "as 2525", stack=BRIDGED),
    Case("a port under the number of another", "container-ports", [bridged(external=587)], "as 587", stack=BRIDGED),
    Case("a port over UDP", "container-ports", [bridged(protocol="udp")], "Port 25", stack=BRIDGED),
    Case("a port on IPv6", "container-ports", [bridged(ip="::")], "on IPv6 too", stack=BRIDGED),
    Case("a port on every address", "container-ports", [bridged(ip=None)], "on IPv6 too", stack=BRIDGED),
    Case("a port on an empty address", "container-ports", [bridged(ip="")], "on IPv6 too", stack=BRIDGED),
    Case("all ports", "container-ports", [container(networkMode="host", publishAllPorts=True)], "all ports"),
    Case(
        "ports that are not known yet",
        "container-ports",
        [
            bridged(internal=UNKNOWN),
            bridged(ip=UNKNOWN),
            container(networkMode="bridge", ports=UNKNOWN),
            container(networkMode=UNKNOWN),
        ],
        stack=BRIDGED,
    ),
    Case("a folder of the server", "container-data-kept", [folder("/mnt/poste")]),
    Case(
        "a mount of a folder of the server",
        "container-data-kept",
        [container(mounts=[{"target": "/data", "source": "/mnt/poste", "type": "bind"}])],
    ),
    Case("nothing", "container-data-kept", [container()], "No folder"),
    Case("another folder", "container-data-kept", [folder("/mnt/poste", "/srv")], "No folder"),
    Case("a volume without a place on the server", "container-data-kept", [folder(None)], "No folder"),
    Case("a folder to read only", "container-data-kept", [folder("/mnt/poste", readOnly=True)], "read-only"),
    Case(
        "a folder that is not known yet",
        "container-data-kept",
        [folder(UNKNOWN), folder("/mnt/poste", UNKNOWN), container(volumes=UNKNOWN), container(mounts=UNKNOWN)],
    ),
    Case(
        "a folder that comes from the volume, in a preview that knows nothing else",
        "container-data-on-volume",
        [replace(container(), uses={"volumes": frozenset({"mounting"})}), MOUNTING, VOLUME_ITSELF],
    ),
    Case(
        "a folder that is not known yet but comes from elsewhere",
        "container-data-on-volume",
        [replace(folder(UNKNOWN), uses={"volumes": frozenset({"other"})}), MOUNTING, ELSEWHERE, VOLUME_ITSELF],
        "does not come from a volume",
    ),
    Case(
        "a folder written by hand",
        "container-data-on-volume",
        [replace(folder("/srv/poste"), uses={"image": frozenset({"mounting"})}), MOUNTING, ELSEWHERE, VOLUME_ITSELF],
        "does not come from a volume",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
