"""Copy a file to a remote host over SFTP, with the real command plugin's rules for paths.

Where the remote path is a directory, the file goes into it under its own name; otherwise to that path, over what is
there.
"""

from pathlib import Path, PurePosixPath

import asyncssh

from offline.toolchain.plugins.common.resource import ProviderError


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
