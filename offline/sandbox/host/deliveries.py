"""Brings things to where they are used: the VPS image into the data centre's engine, Poste's into the registry, and
here what to trust.
"""

import json
import urllib.error
import urllib.request
from typing import Any

from offline.sandbox.host.images import build, built_content
from offline.sandbox.host.parts import (
    CONTENT_LABEL,
    DATACENTRE,
    POSTE_BROKEN_TAG,
    POSTE_NEWER_TAG,
    POSTE_REPOSITORY,
    POSTE_TAG,
    PREFIX,
    PROVIDER,
    STATE,
)
from offline.sandbox.host.shell import HostError, pipe, run, say
from offline.sandbox.world import AUTHORITY_CONTROL, REGISTRY

VPS_IMAGE = f"{PREFIX}/vps:latest"
POSTE_IMAGE = f"{PREFIX}/poste:latest"
AUTHORITIES = STATE / "authorities.pem"
"""The certificate authorities of the sandbox, for programs on this machine that look at its servers."""
INNER_DOCKER = ("docker", "exec", "--interactive", DATACENTRE.container, "docker")
# The environment's proxies are for the internet, not for loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ANSWER_SECONDS = 60
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def load_vps_image() -> None:
    """Copy the VPS image into the data centre's engine unless it is there."""
    label = f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}'
    try:
        loaded = run(*INNER_DOCKER, "image", "inspect", "--format", label, VPS_IMAGE).strip()
    except HostError:
        loaded = ""
    if loaded == built_content(VPS_IMAGE):
        return
    say("loading the VPS image into the data centre (about 10 s)")
    pipe(("docker", "save", VPS_IMAGE), (*INNER_DOCKER, "load", "--quiet"))
    run(*INNER_DOCKER, "image", "prune", "--force")
    say("loaded the VPS image")


def push_poste_images() -> None:
    """Put the Poste stand-in into the registry under Poste's name, in each of its versions that is not there."""
    built = built_content(POSTE_IMAGE)
    for tag in (POSTE_TAG, POSTE_NEWER_TAG, POSTE_BROKEN_TAG):
        if _registry_content(tag) != built:
            _push_poste_image(tag)


def _push_poste_image(tag: str) -> None:
    say(f"putting the Poste stand-in into the registry as {POSTE_REPOSITORY}:{tag}")
    target = f"{REGISTRY}/{POSTE_REPOSITORY}:{tag}"
    # All layers but the last, which says the version, are there from POSTE_IMAGE.
    build("poste", target, "--build-arg", f"VERSION={tag}")
    run("docker", "push", "--quiet", target)
    run("docker", "image", "rm", target)


def keep_authorities() -> None:
    """Write down whom to trust in the sandbox: its authorities, and the other provider, which signs for itself.

    Raises HostError. This machine's own trust stays as it is.
    """
    try:
        with _OPENER.open(f"{AUTHORITY_CONTROL}/_sandbox/authorities", timeout=ANSWER_SECONDS) as answer:
            pem = answer.read().decode()
    except OSError as error:
        raise HostError(f"the certificate authorities don't say whom to trust: {error}") from error
    unfinished = AUTHORITIES.with_suffix(".new")
    provider = run("docker", "exec", PROVIDER.container, "cat", "/run/provider/tls.crt")
    unfinished.write_text(f"{pem}{provider}")
    unfinished.replace(AUTHORITIES)


def _registry_content(tag: str) -> str | None:
    """The content hash of Poste's image with this tag in the registry; None when it has none."""
    try:
        manifest = _get(f"manifests/{tag}", MANIFEST)
        configuration = _get(f"blobs/{manifest['config']['digest']}", "*/*")
    except (OSError, KeyError):
        return None
    labels = configuration.get("config", {}).get("Labels") or {}
    return str(labels.get(CONTENT_LABEL))


def _get(path: str, accept: str) -> dict[str, Any]:
    request = urllib.request.Request(f"http://{REGISTRY}/v2/{POSTE_REPOSITORY}/{path}", headers={"Accept": accept})
    with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
        result: dict[str, Any] = json.load(answer)
        return result
