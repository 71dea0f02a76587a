"""The provider: its settings and its tables."""

import re
from collections.abc import Mapping
from typing import ClassVar

from offline.toolchain.plugins.cloudflare.api import Api
from offline.toolchain.plugins.cloudflare.dns_record import DNS_RECORD
from offline.toolchain.plugins.cloudflare.functions import FUNCTIONS
from offline.toolchain.plugins.cloudflare.schemas import SETTINGS
from offline.toolchain.plugins.common.here import require_url_here
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import ProviderError, Values

FORMS = {
    "apiToken": (
        r"[0-9A-Za-z_-]{40,80}",
        "API tokens must be 40 to 80 letters, digits, hyphens or underscores",
    ),
    "apiKey": (r"[0-9A-Za-z_-]{37,60}", "API keys must be 37 to 60 letters, digits, hyphens or underscores"),
}

CREDENTIALS = {
    "apiToken": "api_token",
    "apiKey": "api_key",
    "apiUserServiceKey": "user_service_key",
    "email": "api_email",
}
"""The settings that authenticate, and what the client calls them."""


class CloudflareProvider(TableProvider):
    name = "cloudflare"
    settings = SETTINGS
    environment: ClassVar[Mapping[str, str]] = {
        "apiToken": "CLOUDFLARE_API_TOKEN",
        "apiKey": "CLOUDFLARE_API_KEY",
        "apiUserServiceKey": "CLOUDFLARE_API_USER_SERVICE_KEY",
        "email": "CLOUDFLARE_EMAIL",
        "baseUrl": "CLOUDFLARE_BASE_URL",
    }
    secret_settings = frozenset({"apiToken", "apiKey", "apiUserServiceKey"})
    resources = (DNS_RECORD,)
    functions = FUNCTIONS
    bridged = True

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:
        return [
            (name, message)
            for name, (form, message) in FORMS.items()
            if isinstance(settings.get(name), str) and not re.fullmatch(form, settings[name])
        ]

    def connect(self, settings: Values) -> Api:
        given = [name for name in self.secret_settings if settings.get(name)]
        if len(given) != 1:
            raise ProviderError(
                "must provide exactly one of apiToken, apiKey or apiUserServiceKey to the Cloudflare provider, in its "
                "settings or the environment. Set the token with `pulumi config set --secret cloudflare:apiToken`."
            )
        credentials = {name: settings[key] for key, name in CREDENTIALS.items() if settings.get(key)}
        api = Api(settings.get("baseUrl"), credentials)
        require_url_here(self.name, str(api.client.base_url))
        return api
