"""The provider: its settings and its tables."""

import re
from collections.abc import Mapping
from typing import ClassVar

from offline.toolchain.plugins.cloudflare.api import Api
from offline.toolchain.plugins.cloudflare.dns_record import DNS_RECORD
from offline.toolchain.plugins.cloudflare.functions import FUNCTIONS
from offline.toolchain.plugins.cloudflare.schemas import SETTINGS
from offline.toolchain.plugins.cloudflare.zone_dnssec import ZONE_DNSSEC
from offline.toolchain.plugins.common.here import require_url_here
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import ProviderError, Values

FORM = r"[0-9A-Za-z_-]{40,80}"
"""Of a token."""

REFUSED = ("apiKey", "apiUserServiceKey", "email")
"""Ways to authenticate that the stand-in does not have."""


class CloudflareProvider(TableProvider):
    name = "cloudflare"
    settings = SETTINGS
    environment: ClassVar[Mapping[str, str]] = {
        "apiToken": "CLOUDFLARE_API_TOKEN",
        "baseUrl": "CLOUDFLARE_BASE_URL",
    }
    secret_settings = frozenset({"apiToken"})
    resources = (DNS_RECORD, ZONE_DNSSEC)
    functions = FUNCTIONS
    bridged = True

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:
        problems = [
            (name, "not supported by this offline stand-in for the plugin") for name in REFUSED if settings.get(name)
        ]
        token = settings.get("apiToken")
        if isinstance(token, str) and not re.fullmatch(FORM, token):
            problems.append(("apiToken", "API tokens must be 40 to 80 letters, digits, hyphens or underscores"))
        return problems

    def connect(self, settings: Values) -> Api:
        if not settings.get("apiToken"):
            raise ProviderError(
                "must provide apiToken to the Cloudflare provider, in its settings or the environment. Set it with "
                "`pulumi config set --secret cloudflare:apiToken`."
            )
        api = Api(settings.get("baseUrl"), settings["apiToken"])
        require_url_here(self.name, str(api.client.base_url))
        return api
