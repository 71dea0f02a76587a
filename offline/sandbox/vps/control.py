"""The line between `systemctl` and init: one JSON request and one JSON answer over a socket."""

import json
import socket
from dataclasses import dataclass

SOCKET = "/run/init.sock"


@dataclass(frozen=True)
class Answer:
    code: int
    text: str = ""


def ask(verb: str, unit: str = "", *, wait: bool = True) -> Answer:
    """Send a request to init and wait for its answer; raises OSError when init is not there.

    Without `wait` the answer comes as soon as init knows that it can try.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(SOCKET)
        line.sendall(json.dumps({"verb": verb, "unit": unit, "wait": wait}).encode() + b"\n")
        with line.makefile() as reply:
            return Answer(**json.loads(reply.readline()))
