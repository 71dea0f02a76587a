"""Poste's image in the sandbox's registry."""

import urllib.request

from offline.sandbox import world

REGISTRY = f"http://{world.REGISTRY}/v2"
IMAGE = "analogic/poste.io:2.5.11"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SECONDS = 60
"""Within which the registry answers, however busy the machine is."""
REPOSITORY, _, TAG = IMAGE.partition(":")
NEWER, BROKEN = f"{REPOSITORY}:2.6.0", f"{REPOSITORY}:2.7.0"
"""A version that changes the databases for good, and one that does and then lets nobody read mail."""


def digest(image: str = IMAGE) -> str:
    """An image's digest, as the registry gives it."""
    url = f"{REGISTRY}/{REPOSITORY}/manifests/{image.rpartition(':')[2]}"
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": MANIFEST})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def tag_again(tag: str) -> None:
    """Let the image be had under another tag, too, as if it were another version."""
    request = urllib.request.Request(f"{REGISTRY}/{REPOSITORY}/manifests/{TAG}", headers={"Accept": MANIFEST})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        manifest = answer.read()
    url = f"{REGISTRY}/{REPOSITORY}/manifests/{tag}"
    request = urllib.request.Request(url, manifest, {"Content-Type": MANIFEST}, method="PUT")
    with urllib.request.urlopen(request, timeout=SECONDS):
        pass
