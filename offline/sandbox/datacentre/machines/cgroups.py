"""Control groups of the servers, on hosts with cgroup v1 and v2: one a server, around all its containers."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PARENT = "poste-mail-sandbox"
PERIOD_MICROSECONDS = 100_000


def path_of(server: int) -> str:
    """The server's group, as an engine's `--cgroup-parent`."""
    return f"/{PARENT}/server-{server}"


def limit(server: int, memory_bytes: int, cores: int) -> None:
    """Limit memory and processor time of a server; the group exists once its container has started."""
    quota = min(cores, os.cpu_count() or 1) * PERIOD_MICROSECONDS
    group = path_of(server).lstrip("/")
    if (ROOT / "cgroup.controllers").exists():
        (ROOT / group / "memory.max").write_text(str(memory_bytes))
        (ROOT / group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
    else:
        (ROOT / "memory" / group / "memory.limit_in_bytes").write_text(str(memory_bytes))
        (ROOT / "cpu" / group / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
        (ROOT / "cpu" / group / "cpu.cfs_quota_us").write_text(str(quota))


def remove(server: int | None = None) -> None:
    """Remove the empty groups of a server, or of all servers there ever were."""
    group = PARENT if server is None else path_of(server).lstrip("/")
    for hierarchy in _hierarchies():
        for folder, _folders, _files in os.walk(hierarchy / group, topdown=False):
            with contextlib.suppress(OSError):  # still has processes: not ours to end here
                Path(folder).rmdir()


def _hierarchies() -> Iterable[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [entry for entry in ROOT.iterdir() if entry.is_dir() and not entry.is_symlink()]
