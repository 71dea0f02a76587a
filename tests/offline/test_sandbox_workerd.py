"""The Workers' runtime comes from npm as it was pinned, or not at all; and what is missing is named with what to do."""

import base64
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from offline.sandbox.host import images, workerd
from offline.sandbox.host.parts import CONTENT_LABEL, SOURCE, WORKERD_IMAGE
from offline.sandbox.host.shell import HostError

PROGRAM = b"#!/bin/sh\necho workerd\n"
Fetch = Callable[[str], Path]


def archive() -> bytes:
    """A package as npm has it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as package:
        member = tarfile.TarInfo("package/bin/workerd")
        member.size = len(PROGRAM)
        package.addfile(member, io.BytesIO(PROGRAM))
    return file.getvalue()


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """What the project fetches with an npm that does as the script given; its fourth argument is the folder wanted."""
    package = archive()
    (tmp_path / "package.tgz").write_bytes(package)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    machines = {os.uname().machine: {"name": "@example/workerd", "integrity": integrity}}
    pinned = tmp_path / "workerd.json"
    pinned.write_text(json.dumps({"version": "1.2.3", "packages": machines}))
    monkeypatch.setattr(workerd, "PINNED", pinned)
    monkeypatch.setattr(workerd, "CACHE", tmp_path / "cache")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def fetch(script: str) -> Path:
        npm = tmp_path / "bin" / "npm"
        npm.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{script.format(folder=tmp_path)}\n')
        npm.chmod(0o755)
        return workerd.ensure()

    return fetch


def test_the_program_is_fetched_once_in_the_version_that_is_pinned(fetching: Fetch, tmp_path: Path) -> None:
    program = fetching("cp {folder}/package.tgz $4")
    assert (program.read_bytes(), program.name, os.access(program, os.X_OK)) == (PROGRAM, "workerd", True)
    assert [file.name for file in program.parent.iterdir()] == ["workerd"]
    assert fetching("exit 1") == program
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.split()[0] == "pack"
    assert asked.split()[-1] == "@example/workerd@1.2.3"


def test_another_file_than_the_one_pinned_is_refused_and_not_kept(fetching: Fetch, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"what npm fetched as @example/workerd@1\.2\.3 is another file than"):
        fetching("echo other > $4/package.tgz")
    assert not list(tmp_path.glob("cache/workerd-*/*"))


def test_an_npm_that_fails_is_told_with_its_words_and_what_to_do(fetching: Fetch) -> None:
    with pytest.raises(HostError, match=r"(?s)ENOTFOUND.*Is npm's registry reachable \(npm ping\)\?"):
        fetching("echo ENOTFOUND >&2; exit 1")


def test_without_npm_it_is_said_how_to_get_it_and_root_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr("shutil.which", lambda _program: None)
    monkeypatch.setattr(workerd, "install", installed.append)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(HostError, match="apt-get install npm"):
        workerd._require_npm()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    workerd._require_npm()
    assert installed == ["npm"]


def test_a_processor_that_it_is_not_made_for_is_named(fetching: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(HostError, match="no workerd for riscv64 processors"):
        fetching("exit 0")


def test_both_kinds_of_processor_are_pinned_by_a_hash_of_a_whole_file() -> None:
    pinned = json.loads((SOURCE / "internet" / "workerd.json").read_text())
    assert pinned["packages"].keys() == {"x86_64", "aarch64"}
    for package in pinned["packages"].values():
        assert len(base64.b64decode(package["integrity"].removeprefix("sha512-"))) == hashlib.sha512().digest_size


def test_its_image_is_made_when_another_version_is_pinned_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    piped: list[tuple[str, ...]] = []
    monkeypatch.setattr(images, "pipe", lambda _source, sink: piped.append(sink))
    monkeypatch.setattr(workerd, "ensure", lambda: Path("/cache/workerd-1/workerd"))
    built = {WORKERD_IMAGE: workerd.version()}
    monkeypatch.setattr(images, "built_content", built.get)
    images.ensure_workerd()
    assert piped == []
    built[WORKERD_IMAGE] = "1.0.0"
    images.ensure_workerd()
    label = f"LABEL {CONTENT_LABEL}={workerd.version()}"
    assert piped == [("docker", "import", "--change", label, "-", WORKERD_IMAGE)]
    assert f"COPY --from={WORKERD_IMAGE} /workerd " in (SOURCE / "internet" / "Dockerfile").read_text()
