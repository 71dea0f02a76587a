"""Copy a file or a text to a remote host over SFTP, with the real command plugin's rules for paths.

| source | remote path is a directory | does not exist | is a file |
| --- | --- | --- | --- |
| file | `path/file` | `path` | overwritten |
| text | error | `path` | overwritten |
"""

from pathlib import Path, PurePosixPath

import asyncssh

from offline.toolchain.plugins.common.resource import ProviderError


async def copy_text(sftp: asyncssh.SFTPClient, text: str, remote: str) -> None:
    """Write `text` to the file `remote`."""
    if await sftp.isdir(remote):
        raise ProviderError(f"remotePath {remote} is a directory; for a text asset it must be the path of a file")
    await _make_directories(sftp, PurePosixPath(remote).parent)
    try:
        async with sftp.open(remote, "wb") as file:
            await file.write(text.encode())
    except asyncssh.SFTPError as error:
        raise ProviderError(f"cannot write the remote file {remote}: {error}") from error


async def copy_file(sftp: asyncssh.SFTPClient, source: str, remote: str) -> None:
    """Copy the local file `source`."""
    if not _is_file(source):
        raise ProviderError(f"{source}: no such file")
    destination = PurePosixPath(remote)
    if await sftp.isdir(remote):
        destination /= Path(source).name
    else:
        await _make_directories(sftp, destination.parent)
    try:
        await sftp.put(source, str(destination), follow_symlinks=True)
    except asyncssh.SFTPError as error:
        raise ProviderError(f"cannot write the remote file {destination}: {error}") from error


def _is_file(path: str) -> bool:
    return Path(path).is_file()


async def _make_directories(sftp: asyncssh.SFTPClient, path: PurePosixPath) -> None:
    try:
        await sftp.makedirs(str(path), exist_ok=True)
    except asyncssh.SFTPError as error:
        raise ProviderError(f"cannot make the remote directory {path}: {error}") from error
