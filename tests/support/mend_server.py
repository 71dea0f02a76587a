"""A server on which things have ended that can be mended, with tools that stand in for the real ones."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components import remote_scripts
from model.host_firewall import ruleset
from model.ports import SMTP
from tests.support.engine_socket import Engine

CONTAINER = "poste"

RUN = """
import importlib, pathlib, sys
import engine, exclusive, firewall, pause, units
here = pathlib.Path({folder!r})
engine.SOCKET, exclusive.LOCK, pause.MARK = str(here / "engine"), here / "lock", here / "stopped.json"
firewall.RULESET, units.FOLDER = here / "nftables.conf", here / "units"
script = importlib.import_module(sys.argv.pop(1))
if script.__name__ == "mend":
    script.PATIENCE, script.NAP, script.DEADLINE = 0.2, 0.05, 0.5
script.main()
"""
TOOLS = {
    # What is run in the container finds its folders here.
    "docker": """#!/bin/sh
case $1 in
  ps) echo id; exit ;;
  start) echo "docker $*" >>"{folder}/calls"; exit ;;
esac
shift 4; script=$1; shift
exec sh -c "$(echo "$script" | sed 's#/data/#{folder}/data/#g; s#/opt/#{folder}/opt/#g; s#/run/#{folder}/run/#g')" "$@"
""",
    "s6-svc": """#!/bin/sh
echo "s6-svc $1 $(basename "$2")" >>"{folder}/calls"
[ -d "$2" ] || {{ echo "s6-svc: fatal: unable to control $2: No such file or directory" >&2; exit 111; }}
[ -e "$2/broken" ] || echo "up (pid 17) 5 seconds" >"$2/state"
""",
    "s6-svstat": '#!/bin/sh\nexec cat "$1/state"\n',
    "nft": """#!/bin/sh
echo "nft $*" >>"{folder}/calls"
""",
    "systemctl": """#!/bin/sh
echo "systemctl $*" >>"{folder}/calls"
[ ! -e "{folder}/masked" ] || {{ echo "Unit $2 is masked." >&2; exit 1; }}
""",
}
"""What they were told to change is in `calls`."""


@dataclass
class MendServer:
    """Its folder, and the scripts run on it."""

    folder: Path
    engine: Engine = field(default_factory=lambda: Engine(images={"sha256:1": []}))

    def __post_init__(self) -> None:
        for name in ("tools", "units", "data/domains", "opt/haraka-smtp", "opt/haraka-submission", "run"):
            (self.folder / name).mkdir(parents=True)
        for name, text in TOOLS.items():
            tool = self.folder / "tools" / name
            tool.write_text(text.format(folder=self.folder))
            tool.chmod(0o755)
        self.engine.run(CONTAINER, "sha256:1")
        self.engine.changes.clear()
        self.ruleset = self.folder / "nftables.conf"
        self.ruleset.write_text(f"#!/usr/sbin/nft -f\n{ruleset([SMTP], ['198.51.100.7/32'], [])}")

    def service(self, name: str, state: str, *, broken: bool = False) -> None:
        """A service in the container that is so, as s6-svstat tells; a `broken` one does not stay up."""
        folder = self.folder / "run/s6/services" / name
        folder.mkdir(parents=True)
        (folder / "state").write_text(f"{state}\n")
        if broken:
            (folder / "broken").touch()

    def key(self, domain: str) -> Path:
        """A DKIM key of Poste's; the place where its signer for incoming mail looks for it."""
        folder = self.folder / "data/domains" / domain
        folder.mkdir()
        for file in ("private", "selector", "public"):
            (folder / file).write_text(file)
        return self.folder / "opt/haraka-smtp/config/dkim" / domain / "private"

    @property
    def calls(self) -> list[str]:
        """What the tools were told to change."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def command(self) -> list[str]:
        """What runs a script, whose name comes behind it."""
        return [sys.executable, "-c", RUN.format(folder=str(self.folder))]

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
                [*self.command, "mend", what],
                input=json.dumps({"container": CONTAINER, "name": name}),
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
