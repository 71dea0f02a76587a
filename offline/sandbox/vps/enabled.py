"""Which units are started at the boot: links in the folders of the targets that want them; systemctl(1), "enable"."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from offline.sandbox.vps import units
from offline.sandbox.vps.unit_files import wanted_by


def is_enabled(file: Path) -> bool:
    """Whether a target wants the unit: packages enable their services themselves, by the same links."""
    return bool(_links(file))


def enable(file: Path) -> Sequence[Path]:
    """Link the unit where its file says; returns the new links."""
    made = []
    for target in wanted_by(file.read_text()):
        wants = units.SYSTEM / f"{target}.wants"
        wants.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (wants / file.name).symlink_to(file)
            made.append(wants / file.name)
    return made


def disable(file: Path) -> Sequence[Path]:
    """Take the unit's links away; returns them."""
    links = _links(file)
    for link in links:
        link.unlink()
    return links


def written() -> Sequence[str]:
    """The names of the enabled units that somebody wrote."""
    return sorted({link.name for link in units.SYSTEM.glob("*.wants/*") if units.written(link.name) is not None})


def _links(file: Path) -> list[Path]:
    return [link for wants in units.SYSTEM.glob("*.wants") if (link := wants / file.name).is_symlink()]
