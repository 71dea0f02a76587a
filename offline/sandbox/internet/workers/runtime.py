"""workerd, Cloudflare's own runtime of Workers: a process for each script, which answers HTTP at a socket.

A script that is overwritten goes on answering until the new one does, and what it has begun, it ends.
https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp is the form of the configuration.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from offline.sandbox.internet.workers import problems
from offline.sandbox.internet.workers.scripts import Script

START_LIMIT = 60.0
"""Seconds until a script must answer; what of that it takes to start itself, it spends in a loop."""
STOP_LIMIT = 5.0
"""Seconds that what a script has begun may last."""
LOOK = 0.02
"""Seconds between looks whether it answers."""
SOCKET, EVENTS, LOG = "socket", "events", "log"
LISTENS = b'{"event":"listen"'
"""What it tells once the script has started: it takes connections before, and then may drop them."""

CONFIGURATION = """\
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "script", worker = (
      modules = [{modules}],
      compatibilityDate = {date},
      compatibilityFlags = [{flags}],
    )),
    # What scripts reach: nothing.
    (name = "internet", network = (allow = [])),
  ],
  sockets = [(
    name = "http",
    address = {address},
    http = (forwardedProtoHeader = "X-Forwarded-Proto"),
    service = "script",
  )],
);
"""


class Runtime(Protocol):
    """What runs scripts."""

    async def start(self, script: Script) -> None:
        """Run a script, from now on in place of the one of its name; raises ApiError, and then that one goes on."""

    async def stop(self, name: str) -> None:
        """End the script of this name."""

    def socket(self, name: str) -> Path:
        """Where the script of this name answers HTTP."""

    async def close(self) -> None:
        """End all scripts."""


class NoRuntime:
    """For the API alone: scripts are kept, and neither tried nor run."""

    async def start(self, script: Script) -> None:
        """Nothing to run."""

    async def stop(self, name: str) -> None:
        """Nothing to end."""

    def socket(self, name: str) -> Path:
        """There is none."""
        raise FileNotFoundError(name)

    async def close(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class Running:
    """A script's process, and the folder with its files."""

    process: asyncio.subprocess.Process
    folder: Path

    @property
    def socket(self) -> Path:
        """Where it answers."""
        return self.folder / SOCKET

    async def end(self) -> None:
        """Let it end what it has begun, and remove its files."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(STOP_LIMIT):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        shutil.rmtree(self.folder)


class Workerd:
    """Runs scripts with `program`, in folders of their own below `folder`."""

    def __init__(self, folder: Path, program: str = "workerd") -> None:
        self._folder = folder
        self._program = program
        self._numbers = itertools.count()
        self._running: dict[str, Running] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self, script: Script) -> None:
        """Run a script, from now on in place of the one of its name; raises ApiError, and then that one goes on."""
        running = await self._launch(script)
        try:
            await _answers(running)
        except BaseException:
            await running.end()
            raise
        previous = self._running.get(script.name)
        self._running[script.name] = running
        if previous:
            self._let_end(previous)

    async def stop(self, name: str) -> None:
        """End the script of this name."""
        self._let_end(self._running.pop(name))

    def socket(self, name: str) -> Path:
        """Where the script of this name answers HTTP."""
        return self._running[name].socket

    async def close(self) -> None:
        """End all scripts."""
        for name in list(self._running):
            await self.stop(name)
        await asyncio.gather(*self._ending)

    async def _launch(self, script: Script) -> Running:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir(parents=True)
        modules = []
        for number, module in enumerate(script.modules):
            (folder / f"{number}.js").write_bytes(module.text)
            modules.append(f'(name = {json.dumps(module.name)}, esModule = embed "{number}.js")')
        configuration = CONFIGURATION.format(
            modules=", ".join(modules),
            date=json.dumps(script.compatibility_date),
            flags=", ".join(json.dumps(flag) for flag in script.compatibility_flags),
            address=json.dumps(f"unix:{folder / SOCKET}"),
        )
        (folder / "config.capnp").write_text(configuration)
        with (folder / EVENTS).open("wb") as events, (folder / LOG).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(self._program, "serve", "--control-fd=1", str(folder / "config.capnp")), stdout=events, stderr=log
            )
        return Running(process, folder)

    def _let_end(self, running: Running) -> None:
        task = asyncio.create_task(running.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _answers(running: Running) -> None:
    """Return when the script takes requests; raises ApiError with the reason when it never will."""
    try:
        async with asyncio.timeout(START_LIMIT):
            while running.process.returncode is None:
                if LISTENS in (running.folder / EVENTS).read_bytes():
                    return
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise problems.invalid(problems.TOO_SLOW) from None
    said = (running.folder / LOG).read_text(errors="replace")
    raise problems.invalid(said.replace("service script: ", "").strip())
