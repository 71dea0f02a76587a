"""`python -m offline.toolchain.plugins.docker <engine address>`: what the engine starts."""

from importlib.metadata import version

from offline.toolchain.plugins.common.server import main
from offline.toolchain.plugins.docker.provider import DockerProvider

if __name__ == "__main__":
    main(DockerProvider(), version("pulumi_docker"))
