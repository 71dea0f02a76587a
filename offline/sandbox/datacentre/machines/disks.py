"""Volumes as files behind loop devices (loop(4)).

A loop device belongs to the host's kernel and would outlive the container. So each is attached with the autoclear flag
and one open descriptor: when the data centre ends, however it ends, the kernel detaches it.
"""

import errno
import fcntl
import os
import stat
import struct
from pathlib import Path

from offline.sandbox.datacentre.machines.shell import run

FOLDER = Path("/var/lib/datacentre/volumes")
LOOP_MAJOR = 7
CONTROL_DEVICE = os.makedev(10, 237)
BYTES_PER_GB = 1024**3

# linux/loop.h
LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LOOP_SET_CAPACITY = 0x4C07
LO_FLAGS_AUTOCLEAR = 4
# struct loop_config: fd, block_size, loop_info64 with lo_flags after 5 u64 and 3 u32, reserved
LOOP_CONFIG = "=II 5Q 4I 64s 64s 32s 2Q 8Q"


class Disks:
    """The volumes' files and devices. A volume keeps its device for life, so that a file system still mounted
    somewhere and one mounted anew are the same to the kernel.
    """

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._open: dict[int, int] = {}

    async def create(self, volume: int, size_gb: int, filesystem: str | None) -> None:
        path = FOLDER / str(volume)
        with path.open("wb") as file:
            file.truncate(size_gb * BYTES_PER_GB)
        if filesystem is not None:
            await run(f"mkfs.{filesystem}", "-q", str(path))
        self._open[volume] = _attach(path)

    def resize(self, volume: int, size_gb: int) -> None:
        with (FOLDER / str(volume)).open("r+b") as file:
            file.truncate(size_gb * BYTES_PER_GB)
        fcntl.ioctl(self._open[volume], LOOP_SET_CAPACITY)

    def destroy(self, volume: int) -> None:
        os.close(self._open.pop(volume))
        (FOLDER / str(volume)).unlink()

    def device(self, volume: int) -> int:
        """The device number of the volume."""
        return os.fstat(self._open[volume]).st_rdev


def _attach(path: Path) -> int:
    """Attach the file to a free loop device and return the device's open descriptor."""
    control = os.open(_node("loop-control", stat.S_IFCHR, CONTROL_DEVICE), os.O_RDWR)
    file = os.open(path, os.O_RDWR)
    try:
        while True:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            device = os.open(_node(f"loop{number}", stat.S_IFBLK, os.makedev(LOOP_MAJOR, number)), os.O_RDWR)
            name = str(path).encode()[:63]
            flags = LO_FLAGS_AUTOCLEAR
            config = struct.pack(LOOP_CONFIG, file, 0, *[0] * 5, 0, 0, 0, flags, name, b"", b"", 0, 0, *[0] * 8)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE, config)
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # someone else took it first: try the next
                    raise
            else:
                return device
    finally:
        os.close(file)
        os.close(control)


def _node(name: str, kind: int, device: int) -> str:
    path = Path("/dev") / name
    if not path.exists():
        os.mknod(path, 0o660 | kind, device)
    return str(path)
