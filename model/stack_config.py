"""Reads a stack's configuration into typed settings; reports everything that is wrong with it at once."""

import contextlib
import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from model.accounts_file import Merged, merged
from model.contradictions import contradictions
from model.labels import unusable_names
from model.public_passphrase import passphrase_refusal
from model.settings import Settings

PASSWORDS = "passwords"
TABLES = (PASSWORDS, "backupEnvironment", "backupOwnerEnvironment")
"""The secrets that are tables."""
SECRETS = (
    *("adminPassword", "sshPrivateKey", "previousSshPrivateKey", "sshHostKey"),
    *("acmeKeyId", "acmeHmacKey", "backupPassphrase", "backupKey", "storageBoxPassword"),
    *TABLES,
)
PARTLY_SECRET = {"relay": ("password",), "heartbeat": ("url", "ntfy", "webhook")}
"""The tables of which only these entries are secrets."""
OBJECTS = ("backup", "watch", *PARTLY_SECRET, *TABLES)
"""The settings that are tables, empty unless set."""
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
KEY = "[key]"
"""Pydantic's word behind the place of a table's entry whose name is wrong."""
PART = re.compile(r"(?P<key>\w+)[.\[](?P<entry>.*)")
"""A path to a part of a setting in place of a setting's key, as by `pulumi config set` without --path."""
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
            if value.lstrip().startswith(("[", "{")) and (key not in SECRETS or key in TABLES):
                # What cannot be decoded (depth and length of numbers have limits, too) stays a text, which no list is.
                with contextlib.suppress(ValueError, RecursionError):
                    value = _whole(json.loads(value))
            # Pulumi.yaml declares keys that have no default with an empty one.
            if value == "" or (key in (*MISSING, *OBJECTS) and not value):
                continue
            yield key, value


def read_settings(config: StackConfig, environment: Mapping[str, str]) -> Settings:
    """The settings of a stack. Raises ConfigurationError.

    `environment` is the process's, which tells the passphrase that Pulumi encrypts the secrets with.
    """
    refusal = passphrase_refusal(config.stack, config.values, environment)
    if refusal:
        raise ConfigurationError(refusal)
    whole = merged(dict(config.own()), config.stack)
    values = whole.values
    mistakes = [f"  {text}." for text in unusable_names(config.project, config.stack)]
    mistakes += _mistakes_in_storage(config, values)
    mistakes += [f"  {whole.file}: {text}." for text in whole.mistakes]
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        mistakes += [_line(config, whole, detail) for detail in error.errors(include_url=False)]
    else:
        for key, text in contradictions(settings):
            path = (key,) if isinstance(key, str) else key
            # Below a domain, the text itself names what is wrong.
            value = values.get(key) if isinstance(key, str) else None
            mistakes.append(_sentence(config, path, _place(whole, path), value, text))
    if settings is None or mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        files = " and ".join(filter(None, (f"Pulumi.{config.stack}.yaml", whole.file)))
        lines = [f"Configuration of stack {config.stack}: {count} in {files}"]
        raise ConfigurationError("\n".join([*lines, *sorted(set(mistakes))]))
    return settings


def _whole(value: Any) -> Any:
    """The value with a question mark for each half of a character, which JSON can write and no other text can hold."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _mistakes_in_storage(config: StackConfig, values: Mapping[str, Any]) -> Iterator[str]:
    for key in SECRETS:
        if not values.get(key) or config.is_secret(key):
            continue
        if key == PASSWORDS:
            command = f"./run mail mailbox passwd ADDRESS --stack {config.stack}, after: pulumi config rm {key}"
            yield f"  {key}: is stored in plain text. Set each with: {command} (and change them)"
        elif key in TABLES:
            command = f"pulumi config set --secret --path {key}.NAME, after: pulumi config rm {key}"
            yield f"  {key}: is stored in plain text. Set each with: {command} (and change them)"
        else:
            yield f"  {key}: is stored in plain text. Set it with: pulumi config set --secret {key} (and change it)"
    for key, names in PARTLY_SECRET.items():
        table = values.get(key)
        plain = [name for name in names if isinstance(table, dict) and table.get(name) and not config.is_secret(key)]
        for name in plain:
            command = f"pulumi config set --secret --path {key}.{name}"
            yield f"  {key}.{name}: is stored in plain text. Set it with: {command} (and change it)"


def _line(config: StackConfig, whole: Merged, detail: Any) -> str:
    path: Sequence[str | int] = [part for part in detail["loc"] if part != KEY]
    key, top = _place(whole, path), str(path[0])
    if detail["type"] == "missing" and len(path) == 1:
        secret = "--secret " if key in SECRETS else ""
        return f"  {key}: is missing. Expected {MISSING[key]}. Set it with: pulumi config set {secret}{key} …"
    if detail["type"] == "extra_forbidden":
        if (inner := PART.fullmatch(top)) and inner["key"] in _fields(()):
            hidden = inner["key"] in TABLES or inner["entry"] in PARTLY_SECRET.get(inner["key"], ())
            command = f"pulumi config set {'--secret ' if hidden else ''}--path '{top}'"
            return f"  {key}: is a part of a setting. Set it with: {command}, after: pulumi config rm '{top}'."
        close = difflib.get_close_matches(str(path[-1]), _fields(path[:-1]), n=1)
        return f"  {key}: is no setting of this program." + (f" Did you mean {close[0]}?" if close else "")
    value: Any = whole.values.get(top)
    for part in path[1:]:
        # A lone target of an alias counts as a list of it.
        listed = [value] if isinstance(value, str) else value
        items: dict[str | int, Any] = dict(enumerate(listed)) if isinstance(listed, list) else listed
        value = items.get(part) if isinstance(items, dict) else None
    # What is wrong with an entry's name stands in the place already.
    value = None if detail["loc"][-1] == KEY else value
    return _sentence(config, path, key, value, expectation(path, detail))


def _place(whole: Merged, path: Sequence[str | int]) -> str:
    """Where a value stands. A secret's name in a table is told only where it is no secret, put there by mistake."""
    inner = [
        part if isinstance(part, int) or len(part) <= LONGEST_SHOWN else f"{part[:LONGEST_SHOWN]}…" for part in path
    ]
    if path[0] in SECRETS:
        inner = [part for part in inner if part == path[0] or "@" in str(part)]
    return json.dumps(whole.place(inner), ensure_ascii=False)[1:-1]


def expectation(path: Sequence[str | int], detail: Any) -> str:
    """What pydantic, or a type of ours, says would be right, with an example where the setting's default is one."""
    match detail["type"]:
        case "value_error":
            return str(detail["msg"]).removeprefix("Value error, ")
        case "mapping_type" | "dict_type":
            names = "names of variables" if str(path[0]).endswith("Environment") else "addresses"
            return f"Expected {names}, each with what belongs to it"
        case "tuple_type":
            # What is below a domain may stand in a file of its own.
            place = "" if len(path) > 1 and path[0] == "domains" else ".".join(map(str, path))
            return "Expected a list" + (f". Set it with: pulumi config set --path '{place}[0]' …" if place else "")
        case "model_type" | "model_attributes_type":
            return f"Expected settings by name, of {', '.join(_fields(path))}"
        case "missing":
            return "Is missing"
    default = _default(path)
    example = "" if default in (None, ()) else f", for example {json.dumps(default)}"
    return str(detail["msg"]).replace("Input should be", "Expected") + example


def _sentence(config: StackConfig, path: Sequence[str | int], place: str, value: Any, text: str) -> str:
    top = str(path[0])
    # What stands in the place of a whole table has its secrets somewhere in it.
    partly = path[-1] in (top, *PARTLY_SECRET[top]) if top in PARTLY_SECRET else False
    hidden = value is None or config.is_secret(top) or top in SECRETS or partly
    return f"  {place}:{'' if hidden else f' {_shown(value)}:'} {text}."


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _fields(path: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a place in the settings."""
    model = _model(path)
    own_first = sorted(model.model_fields.items(), key=lambda named: named[0] not in model.__annotations__)
    return [str(field.alias) for _, field in own_first]


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
