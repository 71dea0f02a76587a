"""The container, as only the server can tell."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import Any

from model.host_firewall import TABLE
from model.poste_container import CONTAINER
from model.server_folders import BACKUP, CERTIFICATES, WATCH
from model.values import IMAGE
from operate.verify.context import Context
from operate.verify.remedies import REFRESH, RERUN, UP
from operate.verify.result import Check, Finding, Mend, equal, fail, ok, unknown, warn
from operate.verify.runner import Job
from operate.verify.server_shell import ask_server

IMAGE_PINNED = Check(
    "container.image",
    "image as pinned",
    "Another image than the pinned one may have other holes, or migrate the mail store one way.",
    f"{UP} starts the configured image. If somebody made this container by hand, remove it first (docker rm -f poste, "
    f"on the server; the mail is on the volume), then {REFRESH}.",
    deadline=40,
)
HEALTHY = Check(
    "container.healthy",
    "container is healthy",
    "The image watches its own services; what it calls unhealthy does not work.",
    "On the server, look at docker logs poste and at the logs in /data/log; then docker restart poste. If there is no "
    f"container any more: {REFRESH}.",
    deadline=40,
)
SERVICES = Check(
    "container.services",
    "services in the container run",
    "A service that is down stays so until somebody starts it, and the image's own health check looks at some only.",
    "On the server, docker exec poste tail /data/log/s6/SERVICE/current says why it ended; docker restart poste starts "
    "all of them.",
    required=False,
    deadline=40,
)
DATA = Check(
    "container.data",
    "/data is on the volume",
    "Mail outside of the volume is lost with the server.",
    f"If the volume was detached at Hetzner, {REFRESH} attaches it. Then {RERUN}: it mounts the volume. Then docker "
    "restart poste, on the server. What has come meanwhile stays on the server's own disk, under the mount.",
    deadline=40,
)
LOGS = Check(
    "container.logs",
    "container's log is bounded",
    "Docker keeps what a container prints for ever, unless told otherwise, until the server's disk is full "
    "(https://docs.docker.com/engine/logging/drivers/json-file/).",
    f"{REFRESH} makes the container with limits.",
    required=False,
    deadline=40,
)
DISK = Check(
    "container.disk",
    "free disk",
    "A full disk makes Poste refuse mail and can damage its databases.",
    f"Delete mail, or raise volumeSize: pulumi config set volumeSize, then {UP}, which makes the file system grow too.",
    required=False,
    deadline=40,
)
MEMORY = Check(
    "container.memory",
    "free memory",
    "Without memory the kernel kills the virus scanner or the spam filter first.",
    f"Choose a larger serverType, or set disableClamav; then {UP}.",
    required=False,
    deadline=40,
)
CHECKS = (IMAGE_PINNED, HEALTHY, SERVICES, DATA, LOGS, DISK, MEMORY)

ON_VOLUME = "a folder on the volume"
RESTART = "docker restart poste, on the server. What has come meanwhile stays where it was, under the mount."
FREE_SHARE = 0.1
SWITCHED_OFF = {"clamd": "disable_clamav", "rspamd": "disable_rspamd"}
"""Services that do not run where a setting says so."""

Report = dict[str, Any]
Ask = Callable[[], Awaitable[Report]]


def report(context: Context) -> Ask:
    """What the server says of itself; one SSH session answers all checks."""
    names = [domain.name for domain in context.selected]
    work = partial(ask_server, context.stack, "report", CONTAINER, TABLE, names, CERTIFICATES, BACKUP, WATCH)
    return partial(context.shared.once, "server", work)


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the container."""
    ask, host = report(context), context.stack.mail_host
    yield Job(IMAGE_PINNED, host, partial(image, ask, context.stack.settings.poste_image))
    yield Job(HEALTHY, host, partial(healthy, ask))
    settings = context.stack.settings
    off = {service for service, setting in SWITCHED_OFF.items() if getattr(settings, setting)}
    yield Job(SERVICES, host, partial(services, ask, off))
    yield Job(DATA, host, partial(data, ask))
    yield Job(LOGS, host, partial(logs, ask))
    yield Job(DISK, host, partial(disk, ask))
    yield Job(MEMORY, host, partial(memory, ask))


async def image(ask: Ask, pinned: str) -> Finding:
    """The container runs the configured image: its digest, or where none is pinned, its tag."""
    box = (await ask())["container"]
    if not box:
        return fail(f"no container {CONTAINER}", pinned)
    match = IMAGE.fullmatch(pinned)
    digest = match["digest"] if match else None
    if digest:
        return ok(digest, digest) if digest in box["digests"] else fail(", ".join(box["digests"]) or "none", digest)
    running = ", ".join(box["tags"]) or box["image"]
    if pinned in box["tags"] or pinned == box["reference"]:
        return warn(f"{pinned}, by tag only", "an image pinned by digest", "Add the digest to posteImage.")
    return fail(running, pinned)


async def healthy(ask: Ask) -> Finding:
    """The container runs, and its own health check is content."""
    found = await ask()
    box, space = found["container"], found["disk"]
    if not box:
        return fail(f"no container {CONTAINER}", "healthy")
    if box["status"] != "running":
        # Only one that ran and can have its data; nor does anybody keep it down, as an upgrade does the one it refused.
        can_start = box["status"] == "exited" and box["restart"] != "no" and space and space["mounted"]
        return fail(str(box["status"]), "healthy", mends=[(Mend.CONTAINER, CONTAINER)] if can_start else [])
    if box["health"] == "starting":
        # Docker has not looked yet; whether the services work, the other checks tell.
        return warn("starting", "healthy", "Wait a minute and look again.")
    # An image without a health check has no opinion.
    return ok("running, without a health check") if box["health"] == "none" else equal(box["health"], "healthy")


async def services(ask: Ask, off: Collection[str]) -> Finding:
    """All services of the container that are to run do; those that are switched `off` may."""
    found, expected = (await ask())["services"], "all that the image starts"
    running = sorted(name for name, state in found.items() if state.startswith("up"))
    if not any(found.values()):
        return unknown("the container does not run, or does not tell", expected)
    down = {name: state for name, state in found.items() if state.startswith("down") and name not in off}
    # A service that the image itself leaves down has no "normally up"; what s6 starts again has "want up".
    stopped = sorted(name for name, state in down.items() if "normally up" in state and "want up" not in state)
    failing = sorted(name for name, state in down.items() if "want up" in state)
    told = [*(f"{name} is down" for name in stopped), *(f"{name} does not stay up" for name in failing)]
    if told:
        return fail(", ".join(told), expected, mends=[(Mend.SERVICE, name) for name in stopped])
    return ok(", ".join(running), expected)


async def data(ask: Ask) -> Finding:
    """The folder behind /data lies on the volume, not on the server's disk, and is what the container has open."""
    found = await ask()
    box, space = found["container"], found["disk"]
    if not box or not space:
        return fail("no /data", ON_VOLUME)
    if not space["mounted"]:
        return fail(f"{box['data']}, on the server's own disk", ON_VOLUME)
    if box["device"] not in (0, space["device"]):
        return fail(f"what lay at {box['data']} before the volume was mounted there", ON_VOLUME, RESTART)
    return ok(box["data"], ON_VOLUME)


async def logs(ask: Ask) -> Finding:
    """What the container prints cannot fill the disk."""
    box, expected = (await ask())["container"], "a limit, such as max-size=10m with max-file=3"
    if not box:
        return fail(f"no container {CONTAINER}", expected)
    log = box["log"]
    # Of Docker's drivers that write files of their own, only this one has no limit unless given one.
    if log["driver"] != "json-file" or log.get("max-size"):
        return ok(", ".join(f"{key} {value}" for key, value in log.items()), expected)
    return warn("json-file without max-size", expected)


async def disk(ask: Ask) -> Finding:
    """A tenth of the volume is free, in bytes and in inodes."""
    space = (await ask())["disk"]
    expected = f"{FREE_SHARE:.0%} or more"
    if not space:
        return fail("no /data", expected)
    share = min(space["free"] / space["size"], space["free_inodes"] / (space["inodes"] or 1))
    shown = f"{share:.0%} of {space['size'] / 2**30:.0f} GB"
    return ok(shown, expected) if share >= FREE_SHARE else fail(shown, expected)


async def memory(ask: Ask) -> Finding:
    """A tenth of the memory is available."""
    amount = (await ask())["memory"]
    expected = f"{FREE_SHARE:.0%} or more"
    share = amount["available"] / amount["total"]
    shown = f"{share:.0%} of {amount['total'] / 2**30:.1f} GB"
    return ok(shown, expected) if share >= FREE_SHARE else warn(shown, expected)
