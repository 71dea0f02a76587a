"""`python -m offline.toolchain.plugins.hcloud <engine address>`: what the engine starts."""

from importlib.metadata import version

from offline.toolchain.plugins.common.server import main
from offline.toolchain.plugins.hcloud.provider import HcloudProvider

if __name__ == "__main__":
    main(HcloudProvider(), version("pulumi_hcloud"))
