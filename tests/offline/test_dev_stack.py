"""What `make up` and `make down` do about the stack, seen by the calls of sandbox and Pulumi that they make."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from offline import dev_stack
from tests.support.serving import running

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """A sandbox that is whole or not, and a backend that has the stack or not."""

    def __init__(self, folder: Path, *, whole: bool, stack: bool, destroys: bool = True) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        tools = folder / "tools"
        tools.mkdir()
        pulumi = tools / "pulumi"
        pulumi.write_text(
            f'#!/bin/sh\necho "pulumi $*" >> "{self.calls}"\n'
            f'case "$*" in "stack select --stack dev") exit {0 if stack else 255};; '
            f"destroy*) exit {0 if destroys else 255};; esac\n"
        )
        pulumi.chmod(0o755)
        (folder / "offline/sandbox").mkdir(parents=True)
        (folder / "offline/sandbox/__main__.py").write_text(
            f"import sys; open({str(self.calls)!r}, 'a').write(f'sandbox {{sys.argv[1]}}\\n')\n"
            f"sys.exit(sys.argv[1] == 'status' and {not whole})\n"
        )
        self.environment = os.environ | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder}/backend",
        }

    def lock(self, pid: int, hostname: str) -> None:
        """Lock the stack as Pulumi does."""
        folder = self.folder / "backend" / ".pulumi" / "locks" / "organization" / "mail" / "dev"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{pid}.json").write_text(json.dumps({"pid": pid, "username": "me", "hostname": hostname}))
        (folder / f"{pid}.json.attrs").write_text("{}")

    def run(self, what: str) -> list[str]:
        """Do `what` and return the calls that changed something."""
        code = f"import sys; sys.path.append({str(ROOT)!r}); from offline import dev_stack; dev_stack.{what}()"
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, env=self.environment, check=True)
        looks = ("sandbox status", "pulumi stack select --stack dev")
        return [call for call in self.calls.read_text().splitlines() if call not in looks]


SELECT = "pulumi stack select --create --stack dev"
FORGET = ["sandbox down", "pulumi stack rm --yes --force --preserve-config --stack dev"]
CANCEL = "pulumi cancel --yes --stack dev"


@pytest.mark.parametrize(
    ("whole", "stack", "expected"),
    [
        (True, True, [SELECT]),
        (True, False, [SELECT]),
        (False, True, [*FORGET, SELECT]),  # the state describes a sandbox that is gone
        (False, False, ["sandbox down", SELECT]),
    ],
)
def test_up_begins_with_a_state_that_fits_the_sandbox(
    tmp_path: Path, whole: bool, stack: bool, expected: list[str]
) -> None:
    assert Machine(tmp_path, whole=whole, stack=stack).run("begin") == expected


@pytest.mark.parametrize(
    ("whole", "stack", "expected"),
    [
        (True, True, ["pulumi destroy --yes --stack dev", *FORGET]),
        (True, False, ["sandbox down"]),
        (False, True, FORGET),
    ],
)
def test_down_destroys_what_is_there_and_forgets_the_rest(
    tmp_path: Path, whole: bool, stack: bool, expected: list[str]
) -> None:
    assert Machine(tmp_path, whole=whole, stack=stack).run("end") == expected


def test_down_leaves_nothing_even_where_destroying_fails(tmp_path: Path) -> None:
    assert Machine(tmp_path, whole=True, stack=True, destroys=False).run("end")[-2:] == FORGET


def test_up_asks_hetzner_to_let_the_servers_send_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    async def limits(request: web.Request) -> web.Response:
        asked.append((await request.json())["outbound_mail"])
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.post("/_sandbox/limits", limits)])
    with running(app) as url:
        monkeypatch.setattr(dev_stack, "HETZNER", url)
        dev_stack.unblock()
    assert asked == [True]


def ended_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("pid", "hostname", "released"),
    [
        (ended_process, socket.gethostname(), True),
        (os.getpid, socket.gethostname(), False),
        (ended_process, "another-machine", False),
    ],
    ids=["ended", "running", "ended on another machine"],
)
def test_only_the_lock_of_a_killed_update_is_released(
    tmp_path: Path, pid: Callable[[], int], hostname: str, released: bool
) -> None:
    machine = Machine(tmp_path, whole=True, stack=True)
    machine.lock(pid(), hostname)
    assert machine.run("begin") == ([CANCEL, SELECT] if released else [SELECT])


def test_a_lock_that_is_held_protects_the_stack_whatever_else_was_killed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, whole=True, stack=True)
    for pid in (ended_process(), os.getpid()):
        machine.lock(pid, socket.gethostname())
    assert machine.run("begin") == [SELECT]
