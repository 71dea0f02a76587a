"""The provider: its settings and its tables."""

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi_docker
from pulumi.provider.experimental import provider as rpc

from offline.toolchain.plugins.common.here import require_host_here, require_url_here
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import ProviderError, Values
from offline.toolchain.plugins.common.schema import Property, arguments
from offline.toolchain.plugins.common.values import UNKNOWN, plain
from offline.toolchain.plugins.docker.checks import NOT_HERE
from offline.toolchain.plugins.docker.container import CONTAINER
from offline.toolchain.plugins.docker.daemon import DEFAULT_HOST, Daemon
from offline.toolchain.plugins.docker.remote_image import REMOTE_IMAGE
from offline.toolchain.plugins.docker.ssh import lead_elsewhere

UNSUPPORTED = ("caMaterial", "certMaterial", "certPath", "context", "keyMaterial", "registryAuth")


class DockerProvider(TableProvider):
    name = "docker"
    bridged = True
    settings: Mapping[str, Property] = {
        # The SDK sends settings that are no texts as JSON.
        name: Property("string") if prop.kind in ("list", "object") else prop
        for name, prop in arguments(pulumi_docker.ProviderArgs).items()
    }
    environment: ClassVar[Mapping[str, str]] = {"host": "DOCKER_HOST"}
    resources = (REMOTE_IMAGE, CONTAINER)

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """As the generic check; JSON is written as compactly as the real plugin does."""
        response = await super().check_config(request)
        inputs = response.inputs or {}
        given = inputs.get("sshOpts")
        if given and not response.failures and plain(given) is not UNKNOWN:
            inputs["sshOpts"] = given.with_value(json.dumps(json.loads(plain(given)), separators=(",", ":")))
        return rpc.CheckResponse(inputs, response.failures)

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:
        problems = [(name, NOT_HERE) for name in UNSUPPORTED if settings.get(name)]
        try:
            _ssh_options(settings)
        except ValueError:
            problems.append(("sshOpts", 'expected a list of texts, for example ["-i", "/home/me/.ssh/id_ed25519"]'))
        return problems

    def connect(self, settings: Values) -> Daemon:
        host = settings.get("host", DEFAULT_HOST)
        if host is UNKNOWN:
            raise ProviderError("the Docker host is not known yet")
        options = _ssh_options(settings)
        daemon = Daemon(host, options, check=not settings.get("disableDockerDaemonCheck"))
        require_url_here(self.name, host)
        if lead_elsewhere(options):
            require_host_here(self.name, "the host to which sshOpts lead")
        return daemon


def _ssh_options(settings: Values) -> list[str]:
    given: Any = settings.get("sshOpts")
    if given is UNKNOWN:
        return []
    options = json.loads(given) if given else os.environ.get("DOCKER_SSH_OPTS", "").split()
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise ValueError("no list of texts")
    return options
