"""The provider: its settings and its tables."""

import re
from collections.abc import Mapping
from typing import ClassVar

import pulumi_hcloud

from offline.toolchain.plugins.common.here import require_url_here
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import ProviderError, Values
from offline.toolchain.plugins.common.schema import arguments
from offline.toolchain.plugins.hcloud.api import Api
from offline.toolchain.plugins.hcloud.firewall import FIREWALL
from offline.toolchain.plugins.hcloud.functions import FUNCTIONS
from offline.toolchain.plugins.hcloud.primary_ip import PRIMARY_IP
from offline.toolchain.plugins.hcloud.rdns import RDNS
from offline.toolchain.plugins.hcloud.server import SERVER
from offline.toolchain.plugins.hcloud.ssh_key import SSH_KEY
from offline.toolchain.plugins.hcloud.storage_box import STORAGE_BOX
from offline.toolchain.plugins.hcloud.storage_box_subaccount import STORAGE_BOX_SUBACCOUNT
from offline.toolchain.plugins.hcloud.volume import VOLUME, VOLUME_ATTACHMENT

ENDPOINT, ENDPOINT_HETZNER = "https://api.hetzner.cloud/v1", "https://api.hetzner.com/v1"
TOKEN_LENGTH = 64
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class HcloudProvider(TableProvider):
    name = "hcloud"
    settings = arguments(pulumi_hcloud.ProviderArgs)
    environment: ClassVar[Mapping[str, str]] = {
        "token": "HCLOUD_TOKEN",
        "endpoint": "HCLOUD_ENDPOINT",
        "endpointHetzner": "HETZNER_ENDPOINT",
    }
    secret_settings = frozenset({"token"})
    resources = (
        *(SSH_KEY, PRIMARY_IP, RDNS, FIREWALL, SERVER, VOLUME, VOLUME_ATTACHMENT),
        *(STORAGE_BOX, STORAGE_BOX_SUBACCOUNT),
    )
    functions = FUNCTIONS
    bridged = True

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:
        token, interval = settings.get("token"), settings.get("pollInterval")
        problems = []
        if isinstance(token, str) and len(token) != TOKEN_LENGTH:
            problems.append(("token", "entered token is invalid (must be exactly 64 characters long)"))
        if isinstance(interval, str) and seconds(interval) is None:
            problems.append(("pollInterval", f'invalid duration "{interval}", expected for example 500ms'))
        if settings.get("pollFunction", "exponential") not in ("constant", "exponential"):
            problems.append(("pollFunction", "expected poll_function to be one of [constant exponential]"))
        return problems

    def connect(self, settings: Values) -> Api:
        if not settings.get("token"):
            raise ProviderError(
                "Missing Hetzner Cloud API token: it was found neither in the provider's token setting nor in the "
                "HCLOUD_TOKEN environment variable. Set it with `pulumi config set --secret hcloud:token`."
            )
        poll = seconds(settings.get("pollInterval", "500ms")) or 0.5
        constant = settings.get("pollFunction") == "constant"
        endpoint = settings.get("endpoint") or ENDPOINT
        require_url_here(self.name, endpoint)
        return Api(
            settings["token"], endpoint, settings.get("endpointHetzner") or ENDPOINT_HETZNER, poll, constant=constant
        )


def seconds(duration: str) -> float | None:
    """A duration like Go writes it (`500ms`, `1m30s`) in seconds, or None if it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m)", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)
