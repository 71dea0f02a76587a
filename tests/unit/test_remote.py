"""The scripts that run on the server, where they can be tried without one."""

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from model.poste_container import LINK_SIGNERS, SIGNING_KEYS, START
from tests.support.serving import serving

Reply = Callable[[http.server.BaseHTTPRequestHandler], None]
LOGIN = ("302", "/admin/login")
FORM = "".join(
    f'<input name="install[{field}]">' for field in ("hostname", "superAdmin", "superAdminPassword", "_token")
)


@contextlib.contextmanager
def poste(reply: Reply) -> Iterator[str]:
    """A web server on loopback that answers everything in one way; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        do_PUT = do_POST = do_PATCH = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


def answer(status: int, text: str = "", location: str = "") -> Reply:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return reply


def cut_off(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Promise more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"sel')


def dropped(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Close without a word."""
    handler.close_connection = True


def remote(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code beside the scripts, as on the server."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=remote_scripts.SOURCE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


OPEN_FORM = """
import sys, install
from poste_http import Poste
install.START_DEADLINE = 2
print(install.open_form(Poste(sys.argv[1])) is not None)
"""
READ_KEY = """
import sys, dkim
from poste_http import Poste
print(dkim.read_key(Poste(sys.argv[1]), "example.com"))
"""


@pytest.mark.parametrize(
    ("reply", "is_open"),
    [(answer(302, location="/admin/login"), "False"), (answer(200, FORM), "True")],
)
def test_the_installer_is_closed_where_it_leads_away_and_open_where_it_shows_its_form(
    reply: Reply, is_open: str
) -> None:
    with poste(reply) as url:
        done = remote(OPEN_FORM, url)
    assert done.stdout.strip() == is_open, done.stderr


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, FORM.replace("superAdmin]", "administrator]")),
        answer(200, "<h1>Welcome</h1>"),
        answer(302, location="/admin/install/server"),
        answer(404, "not found"),
        answer(403),
    ],
)
def test_the_installer_is_not_taken_for_closed_where_that_cannot_be_told(reply: Reply) -> None:
    with poste(reply) as url:
        done = remote(OPEN_FORM, url)
    assert done.returncode == 1
    assert "whether it is closed cannot be told" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (answer(422, json.dumps({"message": "The domain is not valid."})),
         "answers 422 when asked for the DKIM key of example.com (The domain is not valid.)"),
        (answer(401), "answers 401 when asked for the DKIM key of example.com."),
        (answer(200, "<html>busy</html>"), "answers with something that is no JSON (status 200)"),
        (answer(200, '["a", "list"]'), "answers with no DKIM key"),
        (cut_off, "does not answer GET /domains/example.com/dkim"),
        (dropped, "does not answer GET /domains/example.com/dkim"),
    ],
)  # fmt: skip
def test_a_refused_garbled_cut_or_dropped_answer_ends_in_a_sentence(reply: Reply, sentence: str) -> None:
    with poste(reply) as url:
        done = remote(READ_KEY, url)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


CHECK = "import sys, volume; from pathlib import Path; volume.check_file_system(Path(sys.argv[1]))"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk image with an ext4 file system, as Hetzner makes it."""
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(200 * 1024**2)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-b", "4096", image], check=True)
    return image


def test_a_formatted_volume_is_mounted(disk: Path) -> None:
    assert remote(CHECK, str(disk)).returncode == 0


def test_a_volume_whose_first_superblock_is_damaged_is_left_as_it_is(disk: Path) -> None:
    with disk.open("r+b") as file:
        file.write(bytes(4096))
    before = disk.read_bytes()
    done = remote(CHECK, str(disk))
    assert done.returncode == 1
    assert f"e2fsck -b 32768 {disk}" in done.stderr
    assert disk.read_bytes() == before
    # Which is why: all of it is still there.
    subprocess.run(["/sbin/e2fsck", "-f", "-y", "-b", "32768", disk], check=False, capture_output=True)
    assert remote(CHECK, str(disk)).returncode == 0


def test_a_volume_with_anything_else_on_it_is_left_as_it_is(tmp_path: Path) -> None:
    image = tmp_path / "blank"
    image.write_bytes(bytes(1024**2))
    done = remote(CHECK, str(image))
    assert done.returncode == 1
    assert "shows no file system" in done.stderr
    assert image.read_bytes() == bytes(1024**2)


def start(data: Path, **also: str) -> subprocess.Popen[str]:
    """The container's start with its folders moved below a temporary one, and a word in place of Poste's /init."""
    script = START.replace("exec /init", "echo started; exit 0")
    for path in ("/data", "/run", "/opt"):
        script = script.replace(path, f"{data}{path}")
    return subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True)


def test_the_container_waits_with_an_empty_data_folder_until_the_installers_step_allows_it(tmp_path: Path) -> None:
    for folder in ("data", "run"):
        (tmp_path / folder).mkdir()
    process = start(tmp_path)
    assert process.stdout is not None
    assert "Waiting for the installer's step" in process.stdout.readline()
    assert process.poll() is None
    (tmp_path / "data/.installing").touch()
    assert process.communicate(timeout=100)[0] == "started\n"


@pytest.mark.parametrize("line", ["server_hostname = mail.old.example", 'server_hostname = "mail.old.example"'])
def test_at_each_start_postes_own_name_follows_the_container_and_the_signers_find_their_keys(
    tmp_path: Path, line: str
) -> None:
    for folder in ("data/domains/example.com", "run", "opt/haraka-smtp/config", "opt/haraka-submission/config"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/domains/example.com/private").touch()
    settings = tmp_path / "data/server.ini"
    settings.write_text(f"[server]\n{line}\nbounce_email = a@old.example\n")
    said = start(tmp_path).communicate(timeout=100)[0]
    assert said.splitlines()[-1] == "started"
    name = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
    assert settings.read_text() == f"[server]\n{line.replace('mail.old.example', name)}\nbounce_email = a@old.example\n"
    for signer in ("haraka-smtp", "haraka-submission"):
        assert (tmp_path / f"opt/{signer}/config/dkim/example.com/private").exists()


def test_a_signer_that_finds_its_keys_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data/domains/example.com").mkdir(parents=True)
    (tmp_path / "data/domains/example.com/private").touch()
    folder = tmp_path / "opt/haraka-smtp/config/dkim"
    folder.mkdir(parents=True)
    script = LINK_SIGNERS.replace("/data", f"{tmp_path}/data").replace("/opt", f"{tmp_path}/opt")
    linked = [subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert linked == [f"{folder}/example.com\n", ""]


def signers(folder: Path, domain: str) -> tuple[dict[str, Any], list[str]]:
    """What signers.py answers, and which services it restarts, where the container is this machine."""
    tools, calls = folder / "tools", folder / "calls"
    if not tools.exists():
        tools.mkdir()
        for name, script in {"docker": 'shift 2; exec "$@"', "s6-svc": f'echo "$2" >>"{calls}"'}.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
    calls.write_text("")
    request = {
        "container": "poste",
        "domains": [domain],
        "link": "true",
        "keys": SIGNING_KEYS.replace("/data", f"{folder}/data"),
        "known": str(folder / "known"),
    }
    done = subprocess.run(
        [sys.executable, str(remote_scripts.SOURCE / "signers.py")],
        input=json.dumps(request), capture_output=True, text=True, check=True,
        env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    return json.loads(done.stdout), [Path(call).name for call in calls.read_text().split()]


def test_signers_that_hold_a_key_which_is_none_any_more_are_restarted_once_and_for_a_new_domain_they_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "known").touch()
    for name, key in {"old.example": "first", "new.example": "second"}.items():
        (tmp_path / "data/domains" / name).mkdir(parents=True)
        (tmp_path / "data/domains" / name / "public").write_text(key)
        assert signers(tmp_path, name) == ({"linked": [], "restarted": False}, [])
    (tmp_path / "data/domains/old.example/public").write_text("made anew")
    restarted = {"linked": [], "restarted": True}, ["haraka-smtp", "haraka-submission"]
    assert signers(tmp_path, "old.example") == restarted
    assert signers(tmp_path, "old.example") == ({"linked": [], "restarted": False}, [])
    shutil.rmtree(tmp_path / "data/domains/new.example")
    assert signers(tmp_path, "old.example") == restarted


def test_the_scripts_need_nothing_but_the_standard_library(tmp_path: Path) -> None:
    shutil.copytree(remote_scripts.SOURCE, tmp_path / "remote", ignore=shutil.ignore_patterns("__pycache__"))
    for script in sorted((tmp_path / "remote").glob("*.py")):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); import {script.stem}"],
            cwd=tmp_path / "remote", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
