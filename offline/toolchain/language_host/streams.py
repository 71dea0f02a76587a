"""The output of a process, as it comes."""

import io
import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import cast

CHUNK_BYTES = 65536


def chunks(process: subprocess.Popen[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """What `process`, started with pipes, writes until it has closed both.

    Pairs of standard output and standard error, one of them empty.
    """
    received: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()

    def read(stream: io.BufferedReader, *, is_error: bool) -> None:
        while True:
            # read1() hands over what there is, where read() waits for a full buffer; it gives b"" at the end.
            chunk = stream.read1(CHUNK_BYTES)
            received.put((b"", chunk) if is_error else (chunk, b""))
            if not chunk:
                return

    streams = [cast(io.BufferedReader, process.stdout), cast(io.BufferedReader, process.stderr)]
    for stream in streams:
        arguments = {"is_error": stream is process.stderr}
        threading.Thread(target=read, args=(stream,), kwargs=arguments, daemon=True).start()
    ended = 0
    while ended < len(streams):
        pair = received.get()
        if any(pair):
            yield pair
        else:
            ended += 1
