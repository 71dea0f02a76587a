"""Run the API alone, without a name server: `python -m offline.sandbox.internet.cloudflare --port 47002`."""

from __future__ import annotations

import argparse

from aiohttp import web

from offline.sandbox.internet.cloudflare.server import build


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="The sandbox's Cloudflare API, without DNS behind it.")
    parser.add_argument("--port", type=int, default=47002)
    arguments = parser.parse_args()
    web.run_app(build(), host="127.0.0.1", port=arguments.port)


if __name__ == "__main__":
    main()
