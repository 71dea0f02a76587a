"""Runs the data centre: `python3 -m offline.sandbox.datacentre` inside its container.

`--on-paper` runs the API alone, on any machine: nothing it is asked to make becomes real.
"""

import argparse
import asyncio
import logging

from aiohttp import web

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.paper import PaperHypervisor

TOKEN = "sandbox-hcloud-token-".ljust(64, "x")
PORT = 47001


async def start_machines() -> web.Application:
    # Imported here because only the container has what the machines need.
    from offline.sandbox.datacentre.boot_options import boot_routes  # noqa: PLC0415
    from offline.sandbox.datacentre.limits import limits_routes  # noqa: PLC0415
    from offline.sandbox.datacentre.machines import engine, metadata, network  # noqa: PLC0415
    from offline.sandbox.datacentre.machines.containers import ContainerHypervisor  # noqa: PLC0415

    await network.prepare()
    await engine.start()
    hypervisor = ContainerHypervisor()
    await hypervisor.boxes.clear()  # of a data centre before this one, whose books are gone
    await metadata.serve(hypervisor.machine_at)
    app, cloud = build_app(hypervisor, TOKEN)
    app.add_routes(boot_routes(hypervisor))
    app.add_routes(limits_routes(hypervisor, cloud.refilter))
    await cloud.refilter()
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on-paper", action="store_true", help="keep the books only")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    loop = asyncio.new_event_loop()
    app = build_app(PaperHypervisor(), TOKEN)[0] if options.on_paper else loop.run_until_complete(start_machines())
    web.run_app(app, host=options.host, port=options.port, print=None, loop=loop)


main()
