"""What the watch is told by a deploy, and where it lies. Runs on the server, hence standard library only."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from served import Port

FOLDER = Path("/etc/poste-mail/watch")
"""Root's alone, and on the server's own disk: there it is written when the volume is full, or away."""
SHOWN = (25, 465, 993)
"""The ports whose certificate is looked at: what other servers, and what mail programs talk to."""


@dataclass(frozen=True)
class Request:
    """As the settings have it; `thresholds` are those of the setting watch, `heartbeat` its channels by name."""

    data: Path
    container: str
    host: str
    url: str
    domains: Sequence[str]
    ports: Sequence[Port]
    off: Sequence[str]
    """Poste's services that the settings have turned off."""
    thresholds: Mapping[str, int]
    backup: bool
    certificate: bool
    heartbeat: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Request":
        return cls(
            Path(told["data"]),
            told["container"],
            told["host"],
            told["url"],
            [domain["name"] for domain in told["domains"]],
            [Port(**port) for port in told["ports"] if port["number"] in SHOWN],
            told["off"],
            told["thresholds"],
            told["backup"],
            told["certificate"],
            {channel: address for channel, address in told["heartbeat"].items() if address},
        )

    @classmethod
    def kept(cls) -> "Request":
        """What the last deploy told. Ends the program where there was none."""
        file = FOLDER / "request.json"
        if not file.exists():
            sys.exit("Nothing is watched on this server: the deploy has not come that far yet.")
        return cls.of(json.loads(file.read_text()))

    @property
    def volume(self) -> Path:
        return self.data.parent

    @property
    def notes(self) -> Path:
        """The folder for what the watch leaves to be read; on the volume, so that it outlasts the server."""
        return self.volume / "watch"
