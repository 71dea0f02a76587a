"""What the wizard learns from a container registry, from one on loopback that answers as Docker Hub and others do."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from operate.errors import WizardError
from operate.stacks import questions
from operate.stacks.answers import Answers
from operate.stacks.registry import RegistryError, Repository, newest, with_digest
from tests.support.serving import serving

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
TAGS = ["2", "2.5.9", "2.5.17", "2.5.2-rc1", "latest", "dev"]


class Registry(ThreadingHTTPServer):
    """A registry with one image. `guarded` wants a token first; `told` is whether it names the digest itself."""

    guarded = True
    told = True
    realm = ""

    @property
    def image(self) -> str:
        return f"127.0.0.1:{self.server_port}/analogic/poste.io"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/token":
            scope = parse_qs(url.query)["scope"]
            self._answer(200, json.dumps({"token": f"for {scope[0]}"}).encode())
        elif self.server.guarded and self.headers["Authorization"] != "Bearer for repository:analogic/poste.io:pull":
            realm = self.server.realm or f"http://127.0.0.1:{self.server.server_port}/token"
            wanted = 'service="hub",scope="repository:analogic/poste.io:pull"'
            self._answer(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",{wanted}'})
        elif url.path == "/v2/analogic/poste.io/tags/list":
            self._answer(200, json.dumps({"tags": TAGS}).encode())
        elif url.path == "/v2/analogic/poste.io/manifests/2.5.17" and "image.index" in self.headers["Accept"]:
            self._answer(200, MANIFEST, {"Docker-Content-Digest": DIGEST} if self.server.told else {})
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry(("127.0.0.1", 0), Handler)
    with serving(server):
        yield server


@pytest.mark.parametrize(
    ("image", "registry_host", "name"),
    [
        ("analogic/poste.io", "registry-1.docker.io", "analogic/poste.io"),
        ("docker.io/analogic/poste.io", "registry-1.docker.io", "analogic/poste.io"),
        ("debian", "registry-1.docker.io", "library/debian"),
        ("ghcr.io/owner/poste", "ghcr.io", "owner/poste"),
        ("127.0.0.1:47003/analogic/poste.io", "127.0.0.1:47003", "analogic/poste.io"),
        ("localhost/poste", "localhost", "poste"),
    ],
)
def test_an_images_registry_is_read_from_its_name_as_docker_does(image: str, registry_host: str, name: str) -> None:
    assert Repository.of(image) == Repository(registry_host, name)
    assert Repository.of(image).url.startswith("http://" if "local" in image or "127" in image else "https://")


@pytest.mark.parametrize(("guarded", "told"), [(True, True), (False, True), (True, False)])
def test_the_digest_of_a_tag_is_looked_up_with_and_without_a_token(
    registry: Registry, guarded: bool, told: bool
) -> None:
    registry.guarded, registry.told = guarded, told
    assert with_digest(f"{registry.image}:2.5.17") == f"{registry.image}:2.5.17@{DIGEST}"


def test_the_newest_version_is_the_highest_number_and_no_preview(registry: Registry) -> None:
    assert newest(registry.image) == f"{registry.image}:2.5.17"


def test_an_image_with_a_digest_needs_no_registry() -> None:
    assert with_digest(f"nowhere.invalid/poste:1@{DIGEST}") == f"nowhere.invalid/poste:1@{DIGEST}"


def test_what_the_registry_does_not_have_is_said(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"has no manifests/9\.9\.9 of analogic/poste\.io"):
        with_digest(f"{registry.image}:9.9.9")


@pytest.mark.parametrize("realm", ["http://auth.example/token", "file:///etc/passwd"])
def test_a_registry_cannot_send_the_wizard_anywhere_in_clear(registry: Registry, realm: str) -> None:
    registry.realm = realm
    with pytest.raises(RegistryError, match="it wants a log-in"):
        with_digest(f"{registry.image}:2.5.17")


def test_a_registry_out_of_reach_is_said_and_the_person_is_asked_with_the_reason(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "IMAGE", "127.0.0.1:1/analogic/poste.io")
    answers = Answers(asking=False)
    assert questions.image(answers, None, None) == ""
    with pytest.raises(WizardError, match=r"--image: .*\(the newest is not known: 127.0.0.1:1 cannot be asked: .+\)"):
        answers.require_all()
    with pytest.raises(WizardError, match=r"has no digest, and 127.0.0.1:1 cannot be asked.*@sha256:<64 hex digits>"):
        questions.image(answers, "127.0.0.1:1/analogic/poste.io:2.5.17", None)


def test_without_an_answer_the_newest_version_is_taken_with_its_digest(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "IMAGE", registry.image)
    assert questions.image(Answers(asking=False), None, None) == f"{registry.image}:2.5.17@{DIGEST}"


def test_the_image_that_a_stack_has_stays_as_it_is() -> None:
    kept = f"nowhere.invalid/poste:1@{DIGEST}"
    assert questions.image(Answers(asking=False), None, kept) == kept
    assert questions.image(Answers(asking=False), None, "nowhere.invalid/poste:1") == "nowhere.invalid/poste:1"
