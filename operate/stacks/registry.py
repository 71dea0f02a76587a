"""What a container registry says of an image: its newest version, its digest (OCI Distribution Specification 1.1)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from model.networks import is_loopback
from model.values import IMAGE

HUB = "registry-1.docker.io"
TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and to wait for an answer."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""An index of all platforms before the manifest of one, as Docker asks when it pulls."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
VERSION = re.compile(r"\d+(\.\d+)+")
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class RegistryError(Exception):
    """Says why the registry did not tell what was asked."""


@dataclass(frozen=True)
class Repository:
    """Where a registry keeps an image: the registry's address, and the image's name there."""

    registry: str
    name: str

    @classmethod
    def of(cls, image: str) -> "Repository":
        """The repository of an image's name, read as Docker reads it: without a registry it is Docker Hub's."""
        first, slash, rest = image.partition("/")
        if slash and (first == "localhost" or "." in first or ":" in first):
            return cls(HUB if first in ("docker.io", "index.docker.io") else first, rest)
        return cls(HUB, image if slash else f"library/{image}")

    @property
    def url(self) -> str:
        """The root of the API. A registry on this machine has no certificate, and for Docker needs none."""
        scheme = "http" if is_loopback(self.registry.rpartition(":")[0] or self.registry) else "https"
        return f"{scheme}://{self.registry}/v2/{self.name}"


def with_digest(reference: str) -> str:
    """The same image with its digest. Raises RegistryError with the reason where the registry does not tell it."""
    match = IMAGE.fullmatch(reference)
    if match is None or not match["tag"]:
        raise RegistryError(f"{reference} names no tag")
    if match["digest"]:
        return reference
    answer = _ask(Repository.of(match["name"]), f"manifests/{match['tag']}")
    digest = answer.headers.get("Docker-Content-Digest") or f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if not DIGEST.fullmatch(digest):
        raise RegistryError(f"the registry tells a digest of another kind: {digest[:80]}")
    return f"{reference}@{digest}"


def newest(image: str) -> str:
    """The image with the tag of its highest version. Raises RegistryError where the registry lists none."""
    try:
        tags = [str(tag) for tag in _ask(Repository.of(image), "tags/list?n=1000").json().get("tags") or ()]
    except ValueError as error:
        raise RegistryError(f"the registry's list of tags cannot be read: {error}") from None
    versions = [tag for tag in tags if VERSION.fullmatch(tag)]
    if not versions:
        raise RegistryError(f"the registry lists no version of {image}")
    return f"{image}:{max(versions, key=lambda tag: [int(part) for part in tag.split('.')])}"


def _ask(repository: Repository, what: str) -> requests.Response:
    try:
        headers = {"Accept": ", ".join(MANIFESTS)}
        answer = requests.get(f"{repository.url}/{what}", headers=headers, timeout=TIMEOUT)
        if answer.status_code == 401:
            headers["Authorization"] = f"Bearer {_token(answer.headers.get('WWW-Authenticate', ''))}"
            answer = requests.get(f"{repository.url}/{what}", headers=headers, timeout=TIMEOUT)
    except (requests.RequestException, ValueError) as error:
        raise RegistryError(f"{repository.registry} cannot be asked: {_shortly(error)}") from None
    if answer.status_code == 404:
        raise RegistryError(f"{repository.registry} has no {what} of {repository.name}")
    if answer.status_code != 200:
        raise RegistryError(f"{repository.registry} answers with status {answer.status_code}")
    return answer


def _token(challenge: str) -> str:
    """A token for anybody, from where the registry says."""
    parts: Mapping[str, str] = dict(CHALLENGE.findall(challenge))
    realm = urlsplit(parts.get("realm", ""))
    if not challenge.startswith("Bearer ") or (realm.scheme != "https" and not is_loopback(realm.hostname or "")):
        raise ValueError("it wants a log-in")
    wanted = {key: parts[key] for key in ("service", "scope") if key in parts}
    answer = requests.get(realm.geturl(), params=wanted, timeout=TIMEOUT)
    answer.raise_for_status()
    found = answer.json()
    return str(found.get("token") or found.get("access_token") or "")


def _shortly(error: Exception) -> str:
    """The reason without the objects that requests and urllib3 wrap it in."""
    reason = getattr(error.args[0] if error.args else None, "reason", error)
    return str(reason).rpartition(": ")[2][:120] or type(error).__name__
