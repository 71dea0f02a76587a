"""Reads a stack's configuration into typed settings; reports everything that is wrong with it at once."""

import contextlib
import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from model.contradictions import contradictions
from model.labels import unusable_names
from model.public_passphrase import passphrase_refusal
from model.settings import Settings

SECRETS = ("adminPassword", "sshPrivateKey", "previousSshPrivateKey", "sshHostKey", "acmeKeyId", "acmeHmacKey")
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
LONGEST_SHOWN = 100
"""Characters of a wrong value that are shown; more would hide the sentence."""


class ConfigurationError(Exception):
    """The configuration makes no settings; the text has one line per mistake."""


@dataclass(frozen=True)
class StackConfig:
    """A stack's configuration as Pulumi keeps it."""

    project: str
    stack: str
    values: Mapping[str, str]
    """By full key, such as poste-mail:mailHost; arrays and objects as JSON."""
    secrets: Collection[str]
    """The full keys of those that are stored encrypted."""

    def is_secret(self, key: str) -> bool:
        """Whether a setting of this program is stored encrypted."""
        return f"{self.project}:{key}" in self.secrets

    def own(self) -> Iterator[tuple[str, Any]]:
        """The settings of this program that are set, by their keys; arrays and objects decoded."""
        namespace = f"{self.project}:"
        for full_key, text in self.values.items():
            if not full_key.startswith(namespace):
                continue
            key, value = full_key.removeprefix(namespace), text
            if value.lstrip().startswith(("[", "{")) and key not in SECRETS:
                # What cannot be decoded (depth and length of numbers have limits, too) stays a text, which no list is.
                with contextlib.suppress(ValueError, RecursionError):
                    value = _whole(json.loads(value))
            # Pulumi.yaml declares keys that have no default with an empty one.
            if value == "" or (key in MISSING and not value):
                continue
            yield key, value


def read_settings(config: StackConfig, environment: Mapping[str, str]) -> Settings:
    """The settings of a stack. Raises ConfigurationError.

    `environment` is the process's, which tells the passphrase that Pulumi encrypts the secrets with.
    """
    refusal = passphrase_refusal(config.stack, config.values, environment)
    if refusal:
        raise ConfigurationError(refusal)
    values = dict(config.own())
    mistakes = [f"  {text}." for text in unusable_names(config.project, config.stack)]
    mistakes += _mistakes_in_storage(config, values)
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        mistakes += [_line(config, values, detail) for detail in error.errors(include_url=False)]
    else:
        mistakes += [_sentence(config, key, values.get(key), text) for key, text in contradictions(settings)]
    if settings is None or mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = [f"Configuration of stack {config.stack}: {count} in Pulumi.{config.stack}.yaml"]
        raise ConfigurationError("\n".join([*lines, *sorted(set(mistakes))]))
    return settings


def _whole(value: Any) -> Any:
    """The value with a question mark for each half of a character, which JSON can write and no other text can hold."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _mistakes_in_storage(config: StackConfig, values: Mapping[str, Any]) -> Iterator[str]:
    for key in SECRETS:
        if key in values and not config.is_secret(key):
            yield f"  {key}: is stored in plain text. Set it with: pulumi config set --secret {key} (and change it)"


def _line(config: StackConfig, values: Mapping[str, Any], detail: Any) -> str:
    path: Sequence[str | int] = detail["loc"]
    key, top = ".".join(map(str, path)), str(path[0])
    if detail["type"] == "missing" and len(path) == 1:
        secret = "--secret " if key in SECRETS else ""
        return f"  {key}: is missing. Expected {MISSING[key]}. Set it with: pulumi config set {secret}{key} …"
    if detail["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(path[-1]), _fields(path[:-1]), n=1)
        return f"  {key}: is no setting of this program." + (f" Did you mean {close[0]}?" if close else "")
    value: Any = values.get(top)
    for part in path[1:]:
        items: dict[str | int, Any] = dict(enumerate(value)) if isinstance(value, list) else value
        value = items.get(part) if isinstance(items, dict) else None
    return _sentence(config, key, value, expectation(path, detail))


def expectation(path: Sequence[str | int], detail: Any) -> str:
    """What pydantic, or a type of ours, says would be right, with an example where the setting's default is one."""
    match detail["type"]:
        case "value_error":
            return str(detail["msg"]).removeprefix("Value error, ")
        case "tuple_type":
            return f"Expected a list. Set it with: pulumi config set --path '{path[0]}[0]' …"
        case "model_type" | "model_attributes_type":
            return f"Expected settings by name, of {', '.join(_fields(path))}"
        case "missing":
            return "Is missing"
    default = _default(path)
    example = "" if default in (None, ()) else f", for example {json.dumps(default)}"
    return str(detail["msg"]).replace("Input should be", "Expected") + example


def _sentence(config: StackConfig, key: str, value: Any, text: str) -> str:
    hidden = value is None or config.is_secret(key.partition(".")[0]) or key in SECRETS
    return f"  {key}:{'' if hidden else f' {_shown(value)}:'} {text}."


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _fields(path: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a place in the settings."""
    return [str(field.alias) for field in _model(path).model_fields.values()]


def _default(path: Sequence[str | int]) -> Any:
    names = [part for part in path if isinstance(part, str)]
    if not names or isinstance(path[-1], int):
        return None
    field = next((field for field in _model(path[:-1]).model_fields.values() if field.alias == names[-1]), None)
    return None if field is None or field.is_required() else field.default


def _model(path: Sequence[str | int]) -> type[BaseModel]:
    """The type of the settings at a place: of the whole, or of the nearest part of it that has settings by name."""
    model: type[BaseModel] = Settings
    for part in path:
        for field in model.model_fields.values():
            if field.alias == part:
                inner = [field.annotation, *get_args(field.annotation)]
                model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model
