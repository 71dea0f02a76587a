"""A server on which things have ended that can be mended, with tools that stand in for the real ones."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import remote_scripts
from model.host_firewall import ruleset
from model.ports import SMTP
from model.poste_container import CONTAINER
from tests.support.dkim_server import SIGNERS, rsa, write_key
from tests.support.engine_socket import Engine

UP, DOWN = "up (pid 17) 5 seconds", "down (exitcode 0) 3 seconds, normally up, ready 3 seconds"

RUN = """
import importlib, pathlib, sys
import engine, exclusive, firewall, pause, services, units
here = pathlib.Path({folder!r})
engine.SOCKET, exclusive.LOCK, pause.MARK = str(here / "engine"), here / "lock", here / "stopped.json"
firewall.RULESET, units.FOLDER = here / "nftables.conf", here / "units"
script = importlib.import_module(sys.argv.pop(1))
if script.__name__ == "mend":
    script.PATIENCE, services.NAP, services.DEADLINE = 0.2, 0.05, 0.5
script.main()
"""
CHAINS = [{"chain": {"name": name, "hook": name, "policy": "drop"}} for name in ("input", "forward")]
TOOLS = {
    # What is run in the container finds its folders here.
    "docker": """#!/bin/sh
case $1 in
  ps) echo id; exit ;;
  start) echo "docker $*" >>"{folder}/calls"; exit ;;
  inspect) exec cat "{folder}/inspected" ;;
  image) exit 1 ;;
esac
grep -q '"running"' "{folder}/inspected" || {{ echo "container $2 is not running" >&2; exit 1; }}
[ "$3" != stat ] || {{ echo 7; exit; }}
shift 4; script=$1; shift
exec sh -c "$(echo "$script" | sed 's#/data/#{folder}/data/#g; s#/opt/#{folder}/opt/#g; s#/run/#{folder}/run/#g')" "$@"
""",
    "s6-svc": """#!/bin/sh
echo "s6-svc $1 $(basename "$2")" >>"{folder}/calls"
[ -d "$2" ] || {{ echo "s6-svc: fatal: unable to control $2: No such file or directory" >&2; exit 111; }}
[ -e "$2/broken" ] || echo "{up}" >"$2/state"
""",
    "s6-svstat": '#!/bin/sh\nexec cat "$1/state"\n',
    "nft": """#!/bin/sh
case $1 in
  --json) exec cat "{folder}/loaded" ;;
  *) echo "nft $*" >>"{folder}/calls"; echo '{chains}' >"{folder}/loaded" ;;
esac
""",
    "systemctl": """#!/bin/sh
case $1 in
  is-active) [ -e "{folder}/units/$2.active" ] && echo active || {{ echo inactive; exit 3; }} ;;
  is-enabled) [ -e "{folder}/units/$2" ] && echo enabled || {{ echo not-found; exit 4; }} ;;
  *)
    echo "systemctl $*" >>"{folder}/calls"
    [ ! -e "{folder}/masked" ] || {{ echo "Unit $2 is masked." >&2; exit 1; }}
    [ "$1" != start ] || touch "{folder}/units/$2.active" ;;
esac
""",
}
"""What they were told to change is in `calls`."""


@dataclass
class MendServer:
    """Its folder, and the scripts run on it. All is well on it until something is changed."""

    folder: Path
    volume: str = "/dev/shm"  # noqa: S108  (only looked at: a folder that is not on the device of /)
    engine: Engine = field(default_factory=lambda: Engine(images={"sha256:1": []}))
    key: dict[str, str] = field(default_factory=rsa)
    domain: str = "example.com"
    selector: str = "s20260101123"

    def __post_init__(self) -> None:
        key_folder = self.folder / "data/domains" / self.domain
        for name in ("tools", "units", *(f"opt/{signer}/config/dkim" for signer in SIGNERS)):
            (self.folder / name).mkdir(parents=True)
        key_folder.mkdir(parents=True)
        write_key(key_folder, self.selector, self.key["private"], self.key["public"])
        for name, text in TOOLS.items():
            tool = self.folder / "tools" / name
            tool.write_text(text.format(folder=self.folder, up=UP, chains=json.dumps({"nftables": CHAINS})))
            tool.chmod(0o755)
        self.engine.started = lambda _container: self.inspected(status="running")
        self.engine.run(CONTAINER, "sha256:1")
        self.engine.changes.clear()
        self.ruleset.write_text(f"#!/usr/sbin/nft -f\n{ruleset([SMTP], ['198.51.100.7/32'], [])}")
        (self.folder / "loaded").write_text(json.dumps({"nftables": CHAINS}))
        for timer in ("poste-certificate.timer", "poste-backup.timer"):
            (self.folder / "units" / timer).touch()
            (self.folder / "units" / f"{timer}.active").touch()
        for signer in SIGNERS:
            self.service(signer, UP)
            self.link(signer).symlink_to(key_folder)

    @property
    def ruleset(self) -> Path:
        """What the deploy left for the host firewall."""
        return self.folder / "nftables.conf"

    def link(self, signer: str = SIGNERS[0]) -> Path:
        """By which a signer finds its key."""
        return self.folder / f"opt/{signer}/config/dkim/{self.domain}"

    def inspected(self, *, status: str, restart: str = "unless-stopped") -> None:
        """Have Docker tell so of the container."""
        told: dict[str, Any] = {
            "State": {"Status": status},
            "Image": "sha256:1",
            "Config": {"Image": "poste"},
            "HostConfig": {"LogConfig": {"Type": "local"}, "RestartPolicy": {"Name": restart}},
            "Mounts": [{"Source": self.volume, "Destination": "/data"}],
        }
        (self.folder / "inspected").write_text(json.dumps([told]))

    def stop(self) -> None:
        """The container ends."""
        (container,) = self.engine.containers
        container["State"] = {"Running": False, "Restarting": False}
        self.inspected(status="exited")

    def service(self, name: str, state: str, *, broken: bool = False) -> None:
        """A service in the container that is so, as s6-svstat tells; a `broken` one does not stay up."""
        folder = self.folder / "run/s6/services" / name
        (folder / "supervise").mkdir(parents=True, exist_ok=True)
        (folder / "state").write_text(f"{state}\n")
        if broken:
            (folder / "broken").touch()

    def flush(self) -> None:
        """The host firewall goes."""
        (self.folder / "loaded").unlink()

    def end_timer(self, name: str) -> None:
        (self.folder / "units" / f"{name}.active").unlink()

    @property
    def calls(self) -> list[str]:
        """What the tools were told to change."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def command(self, line: str) -> Sequence[str]:
        """What runs a line of the server's here: a program that comes by standard input, or one of the scripts."""
        _python, script, *arguments = shlex.split(line)
        if script == "-":
            return [sys.executable, "-"]
        return [sys.executable, "-c", RUN.format(folder=str(self.folder)), Path(script).stem, *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ | {
            "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
            "PYTHONPATH": str(remote_scripts.SOURCE),
        }

    def mend(self, what: str, name: str) -> subprocess.CompletedProcess[str]:
        """Run the script as `verify --fix` does."""
        with self.engine.serving(self.folder / "engine"):
            return subprocess.run(
                self.command(f"python3 mend.py {what}"),
                input=json.dumps({"container": CONTAINER, "name": name}),
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
