"""Copy a file, a directory or a text to a remote host over SFTP, with the real command plugin's rules for paths.

| source | remote path is a directory | does not exist | is a file |
| --- | --- | --- | --- |
| directory `dir` | `path/dir` | `path/dir` | error |
| directory `dir/` | its contents in `path` | its contents in `path` | error |
| file | `path/file` | `path` | overwritten |
| text | error | `path` | overwritten |

What is already there and not in the source stays. Archives such as .tgz are copied as they are.
"""

import os
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


async def copy_path(sftp: asyncssh.SFTPClient, source: str, remote: str) -> None:
    """Copy the local file or directory `source`; a trailing slash on a directory means its contents."""
    destination = PurePosixPath(remote)
    if not _is_directory(source):
        if await sftp.isdir(remote):
            destination /= Path(source).name
        else:
            await _make_directories(sftp, destination.parent)
        await _copy_file(sftp, Path(source), destination)
        return
    await _make_directories(sftp, destination)
    if not source.endswith("/"):
        destination /= Path(source).name
    await _copy_directory(sftp, Path(source), destination)


def _is_directory(source: str) -> bool:
    if not Path(source).exists():
        raise ProviderError(f"{source}: no such file or directory")
    return Path(source).is_dir()


async def _copy_directory(sftp: asyncssh.SFTPClient, source: Path, destination: PurePosixPath) -> None:
    for folder, _, files in os.walk(source):
        target = destination / PurePosixPath(Path(folder).relative_to(source))
        await _make_directories(sftp, target)
        for name in sorted(files):
            await _copy_file(sftp, Path(folder, name), target / name)


async def _copy_file(sftp: asyncssh.SFTPClient, source: Path, destination: PurePosixPath) -> None:
    try:
        await sftp.put(str(source), str(destination), follow_symlinks=True)
    except asyncssh.SFTPError as error:
        raise ProviderError(f"cannot write the remote file {destination}: {error}") from error


async def _make_directories(sftp: asyncssh.SFTPClient, path: PurePosixPath) -> None:
    try:
        await sftp.makedirs(str(path), exist_ok=True)
    except asyncssh.SFTPError as error:
        raise ProviderError(f"cannot make the remote directory {path}: {error}") from error
