#!/usr/bin/python3
"""The login shell of a Storage Box's account: one of a few commands, without pipes, redirections or patterns.

Installed as an executable in the image; sshd calls it with `-c` and the command, that of the client or the one which
the key in `authorized_keys` is bound to. The commands are those which Hetzner's documentation and its users name.
"""

import os
import shlex
import sys
from collections.abc import Sequence

FILES = frozenset(
    (
        *("cat", "chmod", "cp", "dd", "df", "du", "head", "ls", "md5sum", "mkdir", "mv", "pwd", "rm", "rmdir"),
        *("sha1sum", "sha256sum", "sha512sum", "stat", "tail", "touch", "tree"),
    )
)
SERVED = (("rsync", "--server"), ("rclone", "serve", "restic", "--stdio"), ("scp", "-t"), ("scp", "-f"))
"""Beginnings of commands that a client runs as the other end of its own protocol."""
FOLDER = "/usr/bin"
REFUSED = 127
"""The exit status of shells for a command that is not there."""


def refusal(words: Sequence[str]) -> str | None:
    """Why this command is not run; None for one that is."""
    if not words:
        return "a command is needed: this account has no interactive shell"
    if words[0] in FILES or any(tuple(words[: len(start)]) == start for start in SERVED):
        return None
    return f"{words[0]}: command not found"


def main(arguments: Sequence[str]) -> int:
    """Become the command, or tell why not."""
    text = arguments[1] if len(arguments) > 1 and arguments[0] == "-c" else ""
    try:
        words = shlex.split(text)
        problem = refusal(words)
    except ValueError as error:
        problem = f"the command cannot be read: {error}"
    if problem is None:
        os.execv(f"{FOLDER}/{words[0]}", words)  # noqa: S606  (no shell is the point)
    print(problem, file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
