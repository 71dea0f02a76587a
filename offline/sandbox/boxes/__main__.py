"""The container's entry point: opens port 23 and serves the control service until it is stopped.

Run as root with SYS_ADMIN, in the image made from the Dockerfile beside this file.
"""

from aiohttp import web

from offline.sandbox.boxes.accounts import Accounts
from offline.sandbox.boxes.door import Door
from offline.sandbox.boxes.server import build

CONTROL_PORT = 8080


async def start() -> web.Application:
    door = Door()
    door.open()
    return build(Accounts(), door)


if __name__ == "__main__":
    web.run_app(start(), port=CONTROL_PORT, print=None)
