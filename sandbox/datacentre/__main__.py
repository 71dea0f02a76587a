"""Runs the data centre: `python3 -m sandbox.datacentre` inside its container.

`--on-paper` runs the API alone, on any machine: nothing it is asked to make becomes real.
"""

import argparse
import logging

from aiohttp import web

from sandbox.datacentre.api import build_app
from sandbox.datacentre.paper import PaperHypervisor

TOKEN = "sandbox-hcloud-token-".ljust(64, "x")
PORT = 47001


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on-paper", action="store_true", help="keep the books only")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    app, _cloud = build_app(PaperHypervisor(), TOKEN)
    web.run_app(app, host=options.host, port=options.port, print=None)


main()
