"""The parts of the sandbox: images, containers, addresses, ports, and how to tell that each is ready."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.sandbox import world

SOURCE = Path(__file__).resolve().parents[1]  # context of all image builds
STATE = SOURCE.parents[1] / ".state" / "sandbox"

PREFIX = "poste-mail-sandbox"
NETWORK = PREFIX
BASE_IMAGE = f"{PREFIX}/debian:trixie"
WORKERD_IMAGE = f"{PREFIX}/workerd:latest"
"""One file, which the internet's image takes."""
CONTENT_LABEL = f"{PREFIX}.content"


@dataclass(frozen=True)
class Image:
    """Built from `<name>/Dockerfile`; `sources` are what it copies, `needs` another of these that it takes
    files from.
    """

    name: str
    sources: Sequence[str]
    needs: str | None = None

    @property
    def tag(self) -> str:
        return f"{PREFIX}/{self.name}:latest"


@dataclass(frozen=True)
class Part:
    """A container on the sandbox's network; `ports` are published on loopback (host port, container port).

    It is ready when `ready` answers: a URL (any HTTP status below 500) or host:port (accepts a connection).
    """

    name: str
    addresses: world.Addresses
    ready: str
    ports: Sequence[tuple[int, int]] = ()
    flags: Sequence[str] = ()

    @property
    def container(self) -> str:
        return f"poste-mail-{self.name}"

    @property
    def image(self) -> str:
        return f"{PREFIX}/{self.name}:latest"


IMAGES = (
    Image("vps", ("__init__.py", "world.py", "vps")),
    Image("datacentre", ("__init__.py", "faults.py", "world.py", "datacentre")),
    Image("packages", ("packages",)),
    Image("internet", ("__init__.py", "faults.py", "world.py", "internet"), needs="packages"),
    Image("poste", ("poste",)),
    Image("boxes", ("__init__.py", "faults.py", "world.py", "boxes")),
    Image("relay", ("__init__.py", "world.py", "relay")),
    Image("provider", ("__init__.py", "world.py", "provider")),
)

# Volumes that outlive `down` to be quick the next time: what was copied into them before need not be copied again.
ENGINE_STORE = "poste-mail-datacentre"  # the VPS image in the data centre's engine
REGISTRY_STORE = "poste-mail-registry"  # the Poste stand-in in the registry

# A router, and an engine inside the container whose containers are servers with engines of their own. --privileged
# is not among these because it asks for more than some hosts can give, and none of the rest is needed.
DATACENTRE_FLAGS = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--volume", f"{ENGINE_STORE}:/var/lib/docker"),
    *("--device-cgroup-rule", "b 7:* rwm"),  # loop devices, for the volumes
    *("--device-cgroup-rule", "c 10:237 rwm"),  # /dev/loop-control
    *("--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "net.ipv4.conf.all.proxy_arp=1"),
    *("--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl", "net.ipv6.conf.all.forwarding=1"),
    *("--sysctl", "net.ipv6.conf.all.proxy_ndp=1"),
)

INTERNET = Part(
    "internet",
    world.AUTHORITATIVE,
    ready=f"{world.CLOUDFLARE}/_sandbox/health",
    ports=((47002, 8080), (47003, 80), (47004, 8081), (47005, 8082), (47008, 8083)),
    # It adds the addresses of resolver, package mirror, authorities, receiver of alarms and edge itself.
    flags=("--cap-add", "NET_ADMIN", "--volume", f"{REGISTRY_STORE}:/var/lib/docker-registry"),
)
DATACENTRE = Part(
    "datacentre",
    world.DATACENTRE,
    ready=f"{world.HETZNER}/_sandbox/health",
    ports=((47001, 47001),),
    flags=DATACENTRE_FLAGS,
)
PROVIDER = Part(
    "provider",
    world.PROVIDER,
    ready=f"{world.PROVIDER.ipv4}:25",
    flags=("--hostname", world.OTHER_HOST),
)
BOXES = Part(
    "boxes",
    world.BOXES,
    ready=f"{world.BOXES_CONTROL}/_sandbox/health",
    ports=((47006, 8080),),
    # It mounts a file system of limited size for each box, and shows it to the box's accounts in roots of their own.
    flags=("--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"),
)
RELAY = Part(
    "relay",
    world.RELAY,
    ready=f"{world.RELAY_CONTROL}/_sandbox/health",
    ports=((47007, 8080),),
    flags=("--hostname", world.RELAY_HOST),
)
PARTS = (INTERNET, DATACENTRE, BOXES, RELAY, PROVIDER)

POSTE_REPOSITORY, POSTE_TAG = "analogic/poste.io", "2.5.11"
"""What `poste/Dockerfile` makes if it is told nothing."""
POSTE_NEWER_TAG, POSTE_BROKEN_TAG = "2.6.0", "2.7.0"
"""A version that changes the databases for good, and one that does and then lets nobody read mail."""
