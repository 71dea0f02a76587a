"""The rules for Poste's container: image, isolation and ports."""

from dataclasses import replace
from typing import Any

import pytest

from components.poste import published
from policy.model import CONTAINER, IMAGE, UNKNOWN, Resource
from tests.support.case import PROD, Case, holds, sentence, stack
from tests.support.examples import IMAGE as IMAGE_NAME

DIGEST = "sha256:" + "a" * 64
PINNED = f"analogic/poste.io:2.5.11@{DIGEST}"
DEV = stack(protect=False)
BRIDGED = stack(networkMode="bridge")


def container(**props: Any) -> Resource:
    return Resource(CONTAINER, "poste", props, "container")


def image(name: Any) -> Resource:
    return Resource(IMAGE, "poste", {"name": name})


def bridged(**port: Any) -> Resource:
    return container(networkMode="bridge", ports=[{"internal": 25, "external": 25, "ip": "0.0.0.0"} | port])  # noqa: S104


def capable(*added: Any) -> Resource:
    return container(capabilities={"adds": list(added)})


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
    Case("an image and a container", "docker-container-only", [image("x"), container(image=UNKNOWN)]),
    Case(
        "a service", "docker-container-only", [Resource("docker:index/service:Service", "x")], "Docker gets a Service"
    ),
    Case("a volume of Docker's", "docker-container-only", [Resource("docker:index/volume:Volume", "x")], "a Volume"),
    Case("a container that is restarted", "container-restarts", [container(restart="unless-stopped")]),
    Case("a container that stays down", "container-restarts", [container(restart="on-failure")], "is on-failure"),
    Case("no restart policy", "container-restarts", [container()], "is no"),
    Case("a restart policy that is not known yet", "container-restarts", [container(restart=UNKNOWN)]),
    Case("the mail host's name", "container-is-mail-host", [container(hostname="mail.example.com")]),
    Case("another name", "container-is-mail-host", [container(hostname="poste")], "hostname is poste"),
    Case("no name", "container-is-mail-host", [container()], "hostname is None"),
    Case("a name that is not known yet", "container-is-mail-host", [container(hostname=UNKNOWN)]),
    Case("a plain container", "container-unprivileged", [container(), container(privileged=False)]),
    Case("a privileged container", "container-unprivileged", [container(privileged=True)], "has privileged"),
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
        [container(networkMode="bridge", ports=published(PROD.settings.ports))],
        stack=BRIDGED,
    ),
    Case("the bridge, not said", "container-ports", [container(ports=published(PROD.settings.ports))], stack=BRIDGED),
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
    *(
        Case(f"{name} of the server", "container-unprivileged", [container(**{name: value})], name)
        for name, value in {
            "pidMode": "host",
            "ipcMode": "container:other",
            "usernsMode": "host",
            "cgroupnsMode": "host",
            "cgroupParent": "/system.slice",
            "devices": [{"hostPath": "/dev/sda"}],
            "deviceCgroupRules": ["a *:* rwm"],
            "deviceRequests": [{"driver": "nvidia"}],
            "gpus": "all",
            "runtime": "sysbox-runc",
        }.items()
    ),
    *(
        Case(f"the capability {name}", "container-unprivileged", [capable(name)], f"capability {name}.")
        for name in ("ALL", "SYS_ADMIN", "NET_ADMIN", "CAP_SYS_PTRACE", "sys_module", "DAC_READ_SEARCH")
    ),
    Case(
        "capabilities that every container has, and fewer of them",
        "container-unprivileged",
        [capable("NET_BIND_SERVICE", "CAP_CHOWN"), container(capabilities={"drops": ["ALL"]})],
    ),
    *(
        Case(f"the security option {option}", "container-unprivileged", [container(securityOpts=[option])], option)
        for option in (
            "seccomp=unconfined",
            "seccomp:unconfined",
            "apparmor=unconfined",
            "label=disable",
            "systempaths=unconfined",
            "no-new-privileges:false",
        )
    ),
    Case(
        "security options that take more away, and namespaces of its own",
        "container-unprivileged",
        [container(securityOpts=["no-new-privileges:true"], pidMode="", ipcMode="private", runtime="runc", devices=[])],
    ),
    Case(
        "isolation of which a part is not known yet",
        "container-unprivileged",
        [capable(UNKNOWN), container(securityOpts=[UNKNOWN], pidMode=UNKNOWN, devices=[UNKNOWN])],
    ),
    Case(
        "the stack's own image, by name and by what Docker made of it",
        "container-image-configured",
        [image(IMAGE_NAME), container(image=IMAGE_NAME), container(image=DIGEST)],
    ),
    Case(
        "another repository's image",
        "container-image-configured",
        [image(f"mirror.example/poste.io:2.5.11@{DIGEST}")],
        "posteImage is analogic/poste.io",
    ),
    Case(
        "another image for the container",
        "container-image-configured",
        [container(image=f"evil/poste.io:2.5.11@{DIGEST}")],
        "image is evil/poste.io",
    ),
    Case("another digest", "container-image-configured", [image(IMAGE_NAME.replace("a" * 64, "b" * 64))], "bbbb"),
    Case("another tag", "container-image-configured", [image(IMAGE_NAME.replace("2.5.11", "2.4.0"))], "2.4.0"),
    Case(
        "a mirror's image that is configured",
        "container-image-configured",
        [image(f"mirror.example/poste.io:2.5.11@{DIGEST}")],
        stack=stack(posteImage=f"mirror.example/poste.io:2.5.11@{DIGEST}"),
    ),
    Case("an image whose name is not known yet", "container-image-configured", [image(UNKNOWN)]),
    Case(
        "an image that the stack pulled, in a preview that does not know its id",
        "container-image-pulled",
        [replace(container(image=UNKNOWN), uses={"image": frozenset({"pulled"})}), replace(image("x"), urn="pulled")],
    ),
    Case(
        "an image by an id written by hand",
        "container-image-pulled",
        [replace(container(image=DIGEST), uses={"name": frozenset({"pulled"})}), replace(image("x"), urn="pulled")],
        "does not come from an image",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
