"""The passphrase that encrypts a stack's secrets, where no key service does."""

import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

PUBLIC = "sandbox"
"""The passphrase that `./run` gives the sandbox's stack; everybody knows it."""
VARIABLE, FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"


def is_on_this_machine(endpoint: str | None) -> bool:
    """Whether an API is one of the sandbox's, whose secrets are worth nothing. The real ones need no endpoint."""
    return endpoint is not None and urlsplit(endpoint).hostname in ("127.0.0.1", "::1", "localhost")


def default_file(stack: str, environment: Mapping[str, str]) -> Path:
    """Where a stack's passphrase is kept unless the person has chosen another place."""
    folder = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "poste-mail" / f"{stack}.passphrase"


def use(stack: str, environment: MutableMapping[str, str]) -> bool:
    """Let Pulumi use the stack's own passphrase, if there is one: the person's choice, or else the default file."""
    if environment.get(FILE_VARIABLE) or environment.get(VARIABLE, PUBLIC) != PUBLIC:
        return True
    file = default_file(stack, environment)
    if not file.exists():
        return False
    environment.pop(VARIABLE, None)
    environment[FILE_VARIABLE] = str(file)
    return True


def make(stack: str, environment: MutableMapping[str, str]) -> None:
    """Make a passphrase that nobody knows, in the default file, and use it."""
    file = default_file(stack, environment)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(secrets.token_urlsafe(32))
    use(stack, environment)
