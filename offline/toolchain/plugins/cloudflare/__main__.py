"""`python -m offline.toolchain.plugins.cloudflare <engine address>`: what the engine starts."""

from importlib.metadata import version

from offline.toolchain.plugins.cloudflare.provider import CloudflareProvider
from offline.toolchain.plugins.common.server import main

if __name__ == "__main__":
    main(CloudflareProvider(), version("pulumi_cloudflare"))
