"""`python -m toolchain.plugins.hcloud <engine address>`: what the engine starts."""

from importlib.metadata import version

from toolchain.plugins.common.server import main
from toolchain.plugins.hcloud.provider import HcloudProvider

if __name__ == "__main__":
    main(HcloudProvider(), version("pulumi_hcloud"))
