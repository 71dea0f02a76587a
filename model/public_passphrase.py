"""The sandbox's passphrase, which is published and so must never encrypt what is worth anything."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

PUBLIC = "sandbox"
"""The passphrase that `./run` gives the sandbox's stack; everybody knows it."""
VARIABLE, FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
ENDPOINTS = ("hcloud:endpoint", "cloudflare:baseUrl")
"""The settings that lead a provider to another API than its own."""


def is_on_this_machine(endpoint: str | None) -> bool:
    """Whether an API is one of the sandbox's, whose secrets are worth nothing. The real ones need no endpoint."""
    return endpoint is not None and urlsplit(endpoint).hostname in ("127.0.0.1", "::1", "localhost")


def in_use(environment: Mapping[str, str]) -> bool:
    """Whether Pulumi would encrypt with the published passphrase. The variable goes before the file, as in Pulumi."""
    if VARIABLE in environment:
        return environment[VARIABLE] == PUBLIC
    file = Path(environment.get(FILE_VARIABLE, ""))
    return file.is_file() and file.read_text().strip() == PUBLIC


def passphrase_refusal(stack: str, config: Mapping[str, str], environment: Mapping[str, str]) -> str | None:
    """What is wrong where a stack works on a real cloud while Pulumi uses the published passphrase.

    `config` is the stack's configuration by full key.
    """
    real = [key for key in ENDPOINTS if not is_on_this_machine(config.get(key))]
    if not real or not in_use(environment):
        return None
    return (
        f"The passphrase in {VARIABLE} is the sandbox's, which everybody knows, but stack {stack} works on real "
        f"clouds ({' and '.join(real)} lead to no API on this machine). Give it one of its own: pulumi stack "
        f"change-secrets-provider passphrase --stack {stack}; and replace the tokens and secrets that it has held"
    )
