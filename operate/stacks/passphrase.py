"""The passphrase that encrypts a stack's secrets, where no key service does."""

import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from model.public_passphrase import FILE_VARIABLE, PUBLIC, VARIABLE, in_use


def default_file(stack: str, environment: Mapping[str, str]) -> Path:
    """Where a stack's passphrase is kept unless the person has chosen another place."""
    folder = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "poste-mail" / f"{stack}.passphrase"


def use(stack: str, environment: MutableMapping[str, str]) -> bool:
    """Let Pulumi use the stack's own passphrase, if there is one: the person's choice, or else the default file."""
    # Pulumi would take the variable, even an empty one, whatever the file holds.
    if environment.get(VARIABLE) in ("", PUBLIC):
        del environment[VARIABLE]
    if VARIABLE in environment or (environment.get(FILE_VARIABLE) and not in_use(environment)):
        return True
    file = default_file(stack, environment)
    if not file.exists():
        return False
    environment[FILE_VARIABLE] = str(file)
    return True


def make(stack: str, environment: MutableMapping[str, str]) -> None:
    """Make a passphrase that nobody knows, in the default file, and use it."""
    file = default_file(stack, environment)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(secrets.token_urlsafe(32))
    use(stack, environment)
