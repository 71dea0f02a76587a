"""One script: from what is uploaded to what is run, and what the API shows of it.

https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from offline.sandbox.internet.cloudflare.problems import Json
from offline.sandbox.internet.cloudflare.records import timestamp
from offline.sandbox.internet.workers import problems

NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
MODULE_NAME = re.compile(r"[\w./-]+", re.ASCII)
MODULE_TYPES = ("application/javascript+module", "text/javascript+module")
OLDEST_DATE = "2021-11-02"
"""The compatibility date of a script that names none: the runtime's first."""
SETTINGS = ("main_module", "compatibility_date", "compatibility_flags")
"""What metadata may say; the rest only that it is off or empty."""
USUAL = {"usage_model": "standard"}
"""What else metadata may say, for it is so anyway."""


@dataclass(frozen=True)
class Module:
    """An ES module of a script, by the name under which others import it."""

    name: str
    type: str
    text: bytes


@dataclass(frozen=True)
class Script:
    """A module script. Times are UTC."""

    name: str
    modules: Sequence[Module]
    main: str
    compatibility_date: str
    compatibility_flags: Sequence[str]
    created_on: datetime
    modified_on: datetime

    @property
    def etag(self) -> str:
        """A hash of the content."""
        return hashlib.sha256(b"".join(module.text for module in self.modules)).hexdigest()

    def shown(self) -> Json:
        """The script as the API shows it; that it handles `fetch`, and nothing else, is taken for granted."""
        return {
            "id": self.name,
            "tag": hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest(),
            "etag": self.etag,
            "handlers": ["fetch"],
            "named_handlers": [],
            "modified_on": timestamp(self.modified_on),
            "created_on": timestamp(self.created_on),
            "usage_model": "standard",
            "compatibility_date": self.compatibility_date,
            "compatibility_flags": list(self.compatibility_flags),
            "has_assets": False,
            "has_modules": True,
            "logpush": False,
            "last_deployed_from": "api",
            "tail_consumers": None,
        }

    def settings(self) -> Json:
        """Its settings, as the API shows them."""
        return {
            "bindings": [],
            "compatibility_date": self.compatibility_date,
            "compatibility_flags": list(self.compatibility_flags),
            "logpush": False,
            "placement": {},
            "tail_consumers": [],
            "tags": [],
            "usage_model": "standard",
        }


def read_script(
    name: str, metadata: Json, modules: Mapping[str, Module], now: datetime, previous: Script | None
) -> Script:
    """Read an upload; `previous` is the script that it overwrites. Raises ApiError."""
    if not NAME.fullmatch(name):
        raise problems.NAME_INVALID
    unknown = sorted(
        key for key, value in metadata.items() if value and key not in SETTINGS and USUAL.get(key) != value
    )
    if unknown:
        raise problems.unsupported(f"metadata: {', '.join(unknown)}")
    for module in modules.values():
        if not MODULE_NAME.fullmatch(module.name):
            raise problems.invalid(f"Invalid module name: {module.name!r}")
        if module.type not in MODULE_TYPES:
            raise problems.unsupported(f"module {module.name} of the type {module.type}")
    main = metadata.get("main_module")
    if not main:
        raise problems.unsupported("a script without main_module")
    if main not in modules:
        raise problems.invalid(f'Uncaught Error: No such module "{main}".')
    return Script(
        name=name,
        # The runtime starts with the first.
        modules=[modules[main], *(module for module in modules.values() if module.name != main)],
        main=main,
        compatibility_date=metadata.get("compatibility_date") or OLDEST_DATE,
        compatibility_flags=metadata.get("compatibility_flags") or [],
        created_on=previous.created_on if previous else now,
        modified_on=now,
    )
