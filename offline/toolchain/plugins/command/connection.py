"""Dial a remote host over SSH, patiently, as the real command plugin does.

Every failed attempt is tried again, also one that fails for a wrong host key or login key: a machine that has just
booted may answer with the keys of its image before cloud-init has put the right ones in place. `dialErrorLimit` is the
number of failures that are forgiven, -1 means any number until the operation's deadline.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncssh

from offline.toolchain.plugins.common.here import require_host_here
from offline.toolchain.plugins.common.resource import CancelledError, ProviderError

FIRST_DELAY = 0.1
BACKOFF = 1.5
LONGEST_DELAY = 5.0
"""Seconds between attempts: 0.1, then half as much again each time, at most 5."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Endpoint:
    """One SSH server and how to get in; `limit` is the dial error limit, `patience` the seconds of one attempt.

    `setting` is the program's name for all this; a `proxy` is what connects us to the server.
    """

    host: str
    port: int
    user: str
    private_key: asyncssh.SSHKey | None = field(repr=False)
    host_key: asyncssh.SSHKey | None
    limit: int
    patience: float | None
    setting: str = "connection"
    proxy: "Endpoint | None" = None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def endpoint(settings: Mapping[str, Any]) -> Endpoint:
    """The endpoint that a checked `connection` describes.

    Raises ProviderError for a broken key, and for a host that is none for a stand-in.
    """
    proxy = settings.get("proxy")
    # The proxy looks the host up, and connects to it.
    require_host_here("command", proxy["host"] if proxy else settings["host"])
    return replace(_endpoint(settings, "connection"), proxy=_endpoint(proxy, "connection.proxy") if proxy else None)


def _endpoint(settings: Mapping[str, Any], setting: str) -> Endpoint:
    return Endpoint(
        host=settings["host"],
        port=int(settings["port"]),
        user=settings["user"],
        private_key=_private_key(settings.get("privateKey"), setting),
        host_key=_host_key(settings.get("hostKey"), setting),
        limit=settings["dialErrorLimit"],
        patience=settings["perDialTimeout"] or None,
        setting=setting,
    )


@asynccontextmanager
async def dialled(
    settings: Mapping[str, Any], report: Report, deadline: float
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """An open connection to the host that a checked `connection` describes.

    `deadline` is a time of `time.monotonic`. Raises ProviderError after more failures than the limit, CancelledError
    when the deadline passes first.
    """
    async with AsyncExitStack() as opened:
        yield await _dial(endpoint(settings), opened, report, deadline)


async def _dial(
    target: Endpoint, opened: AsyncExitStack, report: Report, deadline: float
) -> asyncssh.SSHClientConnection:
    limit = "inf" if target.limit < 0 else target.limit
    delay, failures = FIRST_DELAY, 0
    while True:
        try:
            async with AsyncExitStack() as attempt:
                connection = await _connect(target, attempt)
                opened.push_async_exit(attempt.pop_all())
                return connection
        except (OSError, asyncssh.Error, TimeoutError) as error:
            failures += 1
            reason = _explain(error, target)
        if 0 <= target.limit < failures:
            raise ProviderError(f"no SSH connection to {target} after {target.limit} failed attempts: {reason}")
        report(f"Dial {failures}/{limit} failed: retrying")
        if deadline - time.monotonic() <= delay:
            raise CancelledError(f"no SSH connection to {target} in the time allowed (customTimeouts): {reason}")
        await asyncio.sleep(delay)
        delay = min(delay * BACKOFF, LONGEST_DELAY)


def _explain(error: BaseException, target: Endpoint) -> str:
    """What went wrong, in the words of the program's `connection`."""
    expected = f"{target.setting}.hostKey"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return f"host key mismatch: the server's host key is not the one in {expected} ({error})"
    if isinstance(error, asyncssh.KeyExchangeFailed) and target.host_key:
        return f"host key mismatch: the server has no host key of the type of {expected} ({error})"
    if isinstance(error, asyncssh.PermissionDenied):
        return f"unable to authenticate: {error}"
    if isinstance(error, TimeoutError):
        return f"no answer within {target.patience:g} s (perDialTimeout)" if target.patience else "no answer"
    return str(error) or type(error).__name__


async def _connect(target: Endpoint, opened: AsyncExitStack) -> asyncssh.SSHClientConnection:
    """Connect, through the proxy if there is one; `opened` closes whatever was opened."""
    tunnel = await _connect_proxy(target.proxy, opened) if target.proxy else ()
    trusted: dict[str, Any] = {"known_hosts": None}
    if target.host_key:
        # The second line makes a server that has several keys show the one that is expected.
        trusted = {
            "known_hosts": ([target.host_key], [], []),
            "server_host_key_algs": [target.host_key.get_algorithm()],
        }
    connection = await asyncssh.connect(
        target.host,
        target.port,
        username=target.user,
        client_keys=[target.private_key] if target.private_key else None,
        connect_timeout=target.patience,
        # Neither the user's ~/.ssh/config nor the keys beside it or of an agent are consulted.
        config=None,
        agent_path=None,
        tunnel=tunnel,
        **trusted,
    )
    return await opened.enter_async_context(connection)


async def _connect_proxy(proxy: Endpoint, opened: AsyncExitStack) -> asyncssh.SSHClientConnection:
    try:
        return await _connect(proxy, opened)
    except (OSError, asyncssh.Error, TimeoutError) as error:
        raise ConnectionError(f"no SSH connection to the proxy {proxy}: {_explain(error, proxy)}") from error


def _private_key(text: str | None, setting: str) -> asyncssh.SSHKey | None:
    if text is None:
        return None
    try:
        return asyncssh.import_private_key(text)
    except asyncssh.KeyImportError as error:
        raise ProviderError(f"{setting}.privateKey cannot be read: {error}") from None


def _host_key(text: str | None, setting: str) -> asyncssh.SSHKey | None:
    if text is None:
        return None
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise ProviderError(f'{setting}.hostKey is not a public key such as "ssh-ed25519 AAAA…": {error}') from None
