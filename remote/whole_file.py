"""Files that are written whole or not at all. Runs on the server, hence standard library only."""

import os
from pathlib import Path


def write(file: Path, text: str, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put a text in a file's place, for good: after a power cut there is the old text or the new one, never a part.

    `owner` are the user and group that it belongs to, if not root. Bytes that are no text (surrogateescape) stay.
    """
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(made, "w", errors="surrogateescape") as opened:
        if owner:
            os.fchown(opened.fileno(), *owner)
            os.fchmod(opened.fileno(), mode)
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    settle(file.parent)


def settle(folder: Path) -> None:
    """Have a folder's names, as they are now, outlast a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
