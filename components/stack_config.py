"""Reads the stack's configuration into typed settings; reports everything that is wrong with it at once."""

import contextlib
import difflib
import json
from collections.abc import Iterator
from typing import Any

import pulumi
from pulumi.runtime import config as runtime
from pydantic import ValidationError

from components.contradictions import contradictions
from components.settings import Settings

SECRETS = ("adminPassword", "sshPrivateKey", "sshHostKey")
MISSING = {
    "adminPassword": "the administrator's password: 10 or more characters, upper and lower case, digits, specials",
    "sshPrivateKey": 'the key you log in with, made for example by: ssh-keygen -t ed25519 -N "" -f id_mail',
    "sshHostKey": 'the key the server proves itself with, made for example by: ssh-keygen -t ed25519 -N "" -f host',
    "mailHost": "the mail server's own name, for example mail.example.com",
    "domains": 'the mail domains, for example [{"name": "example.com"}]',
    "adminAddress": "the administrator's mailbox, for example admin@example.com",
    "adminCidrs": 'the networks that may use SSH, for example ["198.51.100.7/32"]',
    "posteImage": "the image with tag and digest, for example analogic/poste.io:2.5.11@sha256:<64 hex digits>",
}


def load_settings() -> Settings:
    """The settings of the current stack. Raises pulumi.RunError with one line per mistake."""
    values = dict(_values())
    mistakes = list(_mistakes_in_storage(values))
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        mistakes += [_line(values, detail) for detail in error.errors(include_url=False)]
    else:
        mistakes += [_sentence(key, values.get(key), text) for key, text in contradictions(settings)]
    if settings is None or mistakes:
        stack = pulumi.get_stack()
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise pulumi.RunError(
            "\n".join([f"Configuration of stack {stack}: {count} in Pulumi.{stack}.yaml", *sorted(set(mistakes))])
        )
    return settings


def _values() -> Iterator[tuple[str, Any]]:
    """The keys of this project's namespace that are set; arrays and objects decoded."""
    namespace = f"{pulumi.get_project()}:"
    for full_key in {**runtime.get_config_env(), **runtime.CONFIG.get()}:
        if not full_key.startswith(namespace):
            continue
        key = full_key.removeprefix(namespace)
        value = runtime.get_config(full_key)
        if value.lstrip().startswith(("[", "{")) and key not in SECRETS:
            with contextlib.suppress(json.JSONDecodeError):
                value = json.loads(value)
        # Pulumi.yaml declares keys that have no default with an empty one.
        if value == "" or (key in MISSING and not value):
            continue
        yield key, value


def _mistakes_in_storage(values: dict[str, Any]) -> Iterator[str]:
    for key in SECRETS:
        if key in values and not runtime.is_config_secret(f"{pulumi.get_project()}:{key}"):
            yield f"  {key}: is stored in plain text. Set it with: pulumi config set --secret {key} (and change it)"


def _line(values: dict[str, Any], detail: Any) -> str:
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    if detail["type"] == "missing" and len(path) == 1:
        secret = "--secret " if key in SECRETS else ""
        return f"  {key}: is missing. Expected {MISSING[key]}. Set it with: pulumi config set {secret}{key} …"
    if detail["type"] == "extra_forbidden":
        close = difflib.get_close_matches(path[-1], _known_keys(), n=1)
        return f"  {key}: is no setting of this program." + (f" Did you mean {close[0]}?" if close else "")
    value = values.get(path[0])
    for part in detail["loc"][1:]:
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
    return _sentence(key, None if path[0] in SECRETS else value, detail["msg"].removeprefix("Value error, "))


def _sentence(key: str, value: Any, text: str) -> str:
    shown = "" if value is None or key in SECRETS else f" {json.dumps(value, ensure_ascii=False)}:"
    return f"  {key}:{shown} {text}."


def _known_keys() -> list[str]:
    return [str(field.alias) for field in Settings.model_fields.values()]
