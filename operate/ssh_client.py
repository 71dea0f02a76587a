"""The system's own ssh to the server, for what wants a terminal or serves another program; it takes keys from files."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from operate.errors import ServerError
from operate.verify.server_shell import CONNECT_TIMEOUT, USER
from operate.verify.stack import Stack

SERVER = "server"
"""What the server is called in the client's configuration (ssh_config(5))."""
CONFIG = """\
Host *
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile "{known_hosts}"
  GlobalKnownHostsFile /dev/null
  ConnectTimeout {timeout}
  ServerAliveInterval {timeout}
Host {server}
  HostName {ipv4}
  User {user}
  IdentityFile "{login}"
  HostKeyAlias {mail_host}
"""
UNREACHED = 255
"""What ssh ends with where it has not come to the command (ssh(1))."""


def write_key(file: Path, key: str) -> None:
    """Put a private key into a new file that is this user's alone."""
    file.touch(mode=0o600)
    file.write_text(key)


def write_files(folder: Path, stack: Stack) -> Path:
    """Write `login`, `known_hosts` and `config`, by which `ssh -F config server` signs in; the last one's path."""
    login, known_hosts, config = folder / "login", folder / "known_hosts", folder / "config"
    write_key(login, stack.settings.ssh_private_key.get_secret_value())
    known_hosts.write_text(f"{stack.mail_host} {stack.settings.ssh_host_public_key}\n")
    config.write_text(
        CONFIG.format(
            known_hosts=known_hosts,
            timeout=CONNECT_TIMEOUT,
            server=SERVER,
            ipv4=stack.ipv4,
            user=USER,
            login=login,
            mail_host=stack.mail_host,
        )
    )
    return config


@contextmanager
def folder_for_a_while() -> Iterator[Path]:
    """A folder that is gone with the block, even if this program is told to end, or its terminal is closed."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with tempfile.TemporaryDirectory(prefix="poste-mail-") as folder:
            yield Path(folder)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def session(stack: Stack, line: str = "", *, captured: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run a line of the server's shell, or that shell, with this terminal's input and output.

    `captured` is for programs: nothing is read, and what the line prints is kept. Raises ServerError where there is no
    session, or it broke off.
    """
    # A program that paints the screen, and one that is to end with Ctrl-C, needs a terminal there, too.
    at_terminal = not captured and sys.stdin.isatty() and sys.stdout.isatty()
    with folder_for_a_while() as folder:
        words = ["ssh", "-F", str(write_files(folder, stack)), *["-t"] * at_terminal, SERVER, *[line] * bool(line)]
        streams = (subprocess.DEVNULL, subprocess.PIPE) if captured else (None, None)
        try:
            done = subprocess.run(words, stdin=streams[0], stdout=streams[1], errors="replace", check=False)
        except FileNotFoundError:
            raise ServerError("ssh is not on PATH. Install OpenSSH's client (on Debian: openssh-client)") from None
    if done.returncode == UNREACHED:
        raise ServerError(
            f"ssh did not reach {stack.ipv4}, or lost it. Only adminCidrs may use it; are you in one of them?"
        )
    return done
