"""Builds the images whose sources have changed; the content's hash is a label on each."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from offline.sandbox.host import workerd
from offline.sandbox.host.engine import install
from offline.sandbox.host.parts import BASE_IMAGE, CONTENT_LABEL, IMAGES, SOURCE, WORKERD_IMAGE, Image
from offline.sandbox.host.shell import HostError, pipe, run, say, succeeds

# Written into the base image before the packages of the images on it are installed.
DPKG_SETTINGS = """\
# Images are thrown away and built anew: no need to wait for the disk, nor for documentation.
force-unsafe-io
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
"""


def content(image: Image, source: Path = SOURCE) -> str:
    """A hash over the files an image is made of, those of the image it needs included."""
    digest = hashlib.sha256()
    if image.needs is not None:
        digest.update(content(_by_name(image.needs), source).encode())
    for name in sorted({image.name, *image.sources}):
        for path in _files(source / name):
            mode = "x" if os.access(path, os.X_OK) else "-"
            digest.update(f"{path.relative_to(source)} {mode} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for entry in sorted(path.rglob("*")):
        if entry.is_file() and "__pycache__" not in entry.parts:
            yield entry


def _by_name(name: str) -> Image:
    return next(image for image in IMAGES if image.name == name)


def built_content(tag: str) -> str | None:
    """The hash an image was built from; None when it does not exist or is not ours."""
    try:
        text = run("docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}', tag)
    except HostError:
        return None
    return text.strip() or None


def ensure(name: str) -> None:
    """Build an image, and the one it needs first, unless they are there as their sources are now."""
    image = _by_name(name)
    if image.needs is not None:
        ensure(image.needs)
    if built_content(image.tag) == content(image):
        return
    say(f"building image {name}")
    build(name, image.tag)
    say(f"built image {name}")


def build(name: str, tag: str, *options: str) -> None:
    """Build an image under a tag, with further options of `docker build`."""
    image = _by_name(name)
    run(
        *("docker", "build", "--quiet", "--tag", tag, "--label", f"{CONTENT_LABEL}={content(image)}", *options),
        *("--file", str(SOURCE / image.name / "Dockerfile"), str(SOURCE)),
    )


def ensure_workerd() -> None:
    """Make the image of the Workers' runtime, from which the internet's takes it, unless it is there as pinned."""
    if built_content(WORKERD_IMAGE) == workerd.version():
        return
    program = workerd.ensure()
    say("making image workerd")
    pipe(
        ("tar", "--create", "--owner=0", "--group=0", "--directory", str(program.parent), program.name),
        ("docker", "import", "--change", f"LABEL {CONTENT_LABEL}={workerd.version()}", "-", WORKERD_IMAGE),
    )


def prune() -> None:
    """Remove the images that newer builds have replaced, as far as no container runs them."""
    run("docker", "image", "prune", "--force", "--filter", f"label={CONTENT_LABEL}")


def ensure_base() -> None:
    """Make the Debian base image, from Debian's packages without a registry, unless it is there."""
    if not succeeds("docker", "image", "inspect", BASE_IMAGE):
        _bootstrap()


def _bootstrap() -> None:
    if os.geteuid() != 0:
        raise HostError(
            f"the base image {BASE_IMAGE} is missing and only root can make it from packages: run "
            "'sudo python3 -m offline.sandbox up' once, or "
            f"'docker pull debian:trixie-slim && docker tag debian:trixie-slim {BASE_IMAGE}'"
        )
    if not shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        install("debootstrap")
    say("making the Debian 13 base image with debootstrap (about 45 s)")
    with tempfile.TemporaryDirectory(prefix="sandbox-debian-") as folder:
        root = Path(folder)
        run("debootstrap", "--variant=minbase", "trixie", folder)
        (root / "etc/dpkg/dpkg.cfg.d/sandbox").write_text(DPKG_SETTINGS)
        for cache in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / cache)
            (root / cache / "partial").mkdir(parents=True)
        pipe(("tar", "--create", "--directory", folder, "."), ("docker", "import", "-", BASE_IMAGE))
