"""The output of a process, as it comes."""

import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import IO, Literal

Stream = Literal["stdout", "stderr"]
CHUNK_BYTES = 65536


def chunks(process: subprocess.Popen[bytes]) -> Iterator[tuple[Stream, bytes]]:
    """Both streams of `process` (started with pipes), interleaved as they are written, until both have ended."""
    received: queue.SimpleQueue[tuple[Stream, bytes]] = queue.SimpleQueue()

    def read(name: Stream, stream: IO[bytes]) -> None:
        # read1() hands over what there is instead of waiting for a full buffer; it gives b"" at the end.
        while chunk := stream.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
            received.put((name, chunk))
        received.put((name, b""))

    assert process.stdout and process.stderr  # noqa: S101
    open_streams = 0
    for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
        threading.Thread(target=read, args=(name, stream), daemon=True).start()
        open_streams += 1
    while open_streams:
        name, chunk = received.get()
        if chunk:
            yield name, chunk
        else:
            open_streams -= 1
