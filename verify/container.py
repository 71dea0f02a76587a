"""The container and the server under it, as only the server can tell."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from components.values import IMAGE
from verify.context import Context
from verify.dkim_record import key_of
from verify.result import Check, Finding, equal, fail, ok, warn
from verify.runner import Job
from verify.server_shell import ask_server
from verify.stack import Domain

IMAGE_PINNED = Check(
    "container.image",
    "image as pinned",
    "Another image than the pinned one may have other holes, or migrate the mail store one way.",
    "Run pulumi up.",
    deadline=40,
)
HEALTHY = Check(
    "container.healthy",
    "container is healthy",
    "The image watches its own services; what it calls unhealthy does not work.",
    "On the server: docker inspect poste, docker logs poste, and the logs in /data/log.",
    deadline=40,
)
DATA = Check(
    "container.data",
    "/data is on the volume",
    "Mail outside of the volume is lost with the server.",
    "Check that the volume is attached and mounted (findmnt, on the server), then run pulumi up.",
    deadline=40,
)
SIGNS = Check(
    "container.dkim",
    "signs with the published key",
    "Poste's signers have to find their key, and DNS has to hold its public half, or mail looks forged (RFC 6376).",
    "Run pulumi up: it publishes the key in use and mends the link to it.",
    deadline=40,
)
DISK = Check(
    "container.disk",
    "free disk",
    "A full disk makes Poste refuse mail and can damage its databases.",
    "Raise volumeSize and run pulumi up, or delete mail.",
    required=False,
    deadline=40,
)
MEMORY = Check(
    "container.memory",
    "free memory",
    "Without memory the kernel kills the virus scanner or the spam filter first.",
    "Choose a larger serverType, or set disableClamav.",
    required=False,
    deadline=40,
)
CHECKS = (IMAGE_PINNED, HEALTHY, DATA, SIGNS, DISK, MEMORY)

NAME = "poste"
ON_VOLUME = "a folder on the volume"
FREE_SHARE = 0.1

Report = dict[str, Any]
Ask = Callable[[], Awaitable[Report]]


def jobs(context: Context) -> Iterable[Job]:
    """The checks on the server; one SSH session answers them all."""
    stack = context.stack
    names = [domain.name for domain in context.selected]
    ask: Ask = partial(context.shared.once, "server", partial(ask_server, stack, "report", NAME, names))
    host = stack.mail_host
    yield Job(IMAGE_PINNED, host, partial(image, ask, stack.settings.poste_image))
    yield Job(HEALTHY, host, partial(healthy, ask))
    yield Job(DATA, host, partial(data, ask))
    for domain in context.selected:
        yield Job(SIGNS, domain.name, partial(signs, ask, domain))
    yield Job(DISK, host, partial(disk, ask))
    yield Job(MEMORY, host, partial(memory, ask))


async def image(ask: Ask, pinned: str) -> Finding:
    """The container runs the configured image: its digest, or where none is pinned, its tag."""
    box = (await ask())["container"]
    if not box:
        return fail(f"no container {NAME}", pinned)
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
    box = (await ask())["container"]
    if not box:
        return fail(f"no container {NAME}", "healthy")
    if box["status"] != "running":
        return fail(str(box["status"]), "healthy")
    if box["health"] == "starting":
        # Docker has not looked yet; whether the services work, the other checks tell.
        return warn("starting", "healthy", "Wait a minute and look again.")
    # An image without a health check has no opinion.
    return ok("running, without a health check") if box["health"] == "none" else equal(box["health"], "healthy")


async def data(ask: Ask) -> Finding:
    """The folder behind /data lies on the volume, not on the server's disk."""
    report = await ask()
    box, space = report["container"], report["disk"]
    if not box or not space:
        return fail("no /data", ON_VOLUME)
    return (
        ok(box["data"], ON_VOLUME) if space["mounted"] else fail(f"{box['data']}, on the server's own disk", ON_VOLUME)
    )


async def signs(ask: Ask, domain: Domain) -> Finding:
    """The signers find a key, and it is the one that the deploy published."""
    key = (await ask())["keys"].get(domain.name)
    if not key or not key["selector"]:
        return fail("no key on the server", domain.dkim_name)
    if key["blind"]:
        return fail(f"{', '.join(key['blind'])} does not find the key", domain.dkim_name)
    name = f"{key['selector']}._domainkey.{domain.name}"
    if name.lower() != domain.dkim_name:
        return fail(f"signs with {name}", domain.dkim_name)
    same = bare(key["public"]) == key_of(domain.dkim_value)
    return ok(name, domain.dkim_name) if same else fail("signs with another key than published", domain.dkim_name)


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


def bare(key: str) -> str:
    """A public key in PEM or as a DNS record, as base64 alone."""
    text = key_of(key.replace('"', "")) if "p=" in key else key
    return "".join(line.strip() for line in text.splitlines() if not line.startswith("-----"))
