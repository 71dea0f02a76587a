"""The file of a stack's accounts, for stacks with more people than a configuration is good for.

`accounts/STACK.yaml` holds, by domain, what may stand there in the setting `domains` too: mailboxes, aliases, catchAll
and forwardTo. It holds no password.
"""

import json
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from model.accounts import Accounts

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

FOLDER = Path(__file__).parents[1] / "accounts"
KEYS = tuple(str(field.alias) for field in Accounts.model_fields.values())
"""What may stand for a domain."""
ADDED: Mapping[str, tuple[type[Any], str]] = {
    "mailboxes": (list, "a list, each with its address"),
    "aliases": (dict, "addresses, each with those that it leads to"),
}
"""Those that add to what the configuration has, with what they are; the others are in one place only."""


def accounts_file(stack: str) -> Path:
    """Where the accounts of a stack are, if it has such a file."""
    return FOLDER / f"{stack}.yaml"


class _Loader(SafeLoader):
    """YAML's own types but for dates, and no key twice, the first of which would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        times = Counter(str(self.construct_object(key, deep=True)) for key, _ in node.value)
        twice = [key for key, count in times.items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is there more than once", node.start_mark)
        return super().construct_mapping(node, deep)


def _read(text: str) -> Any:
    """What the file holds, as JSON could hold it too. Raises ValueError with what is wrong."""
    try:
        # The loader is a safe one.
        found = yaml.load(text, _Loader)  # noqa: S506
        return json.loads(json.dumps(found, ensure_ascii=False, default=str).encode(errors="replace"))
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None


@dataclass(frozen=True)
class Merged:
    """A stack's settings with what its file of accounts adds to them."""

    values: dict[str, Any]
    """By key, as the settings' types read them."""
    mistakes: Sequence[str] = ()
    """What cannot be added, a sentence each."""
    file: str = ""
    """The file's name; empty where there is none."""
    _from_file: Mapping[tuple[int, str], int | frozenset[str]] = field(default_factory=dict)
    """By a domain's place and key: how many items come before the file's, or which entries are the file's."""

    def place(self, path: Sequence[str | int]) -> str:
        """Where a value was set that stands at a place in the settings."""
        match path:
            case ["domains", int() as domain, str() as key, *rest]:
                inner = self._in_file(domain, key, rest)
                if inner:
                    return f"{self.file}: {self.values['domains'][domain]['name']}.{'.'.join(map(str, inner))}"
        return ".".join(map(str, path))

    def _in_file(self, domain: int, key: str, rest: Sequence[str | int]) -> Sequence[str | int]:
        """The way to a value below its domain in the file; empty for one that is not from there."""
        match self._from_file.get((domain, key)), rest:
            case None, _:
                return []
            case int() as before, [int() as item, *more]:
                return [key, item - before, *more] if item >= before else []
            case frozenset() as entries, [str() as entry, *_]:
                return [key, *rest] if entry.lower() in entries else []
        return [key, *rest]


def merged(values: dict[str, Any], stack: str) -> Merged:
    """The settings of a stack, by key, with its file of accounts, if it has one."""
    path = accounts_file(stack)
    name = f"{path.parent.name}/{path.name}"
    if not path.exists():
        return Merged(values)
    try:
        found = _read(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError) as error:
        return Merged(values, [f"cannot be read: {error}"], name)
    if not isinstance(found, dict):
        return Merged(values, ["holds no domains. Expected them by name, each with its mailboxes"], name)
    return _added(values, found, name)


def _added(values: dict[str, Any], found: Mapping[Any, Any], name: str) -> Merged:
    domains = values.get("domains")
    if not isinstance(domains, list) or not all(isinstance(domain, dict) for domain in domains):
        return Merged(values, file=name)  # told as what it is
    whole = [dict(domain) for domain in domains]
    places = {_canonical(domain.get("name")): place for place, domain in enumerate(whole)}
    mistakes: list[str] = []
    origins: dict[tuple[int, str], int | frozenset[str]] = {}
    seen: set[int] = set()
    for domain, accounts in found.items():
        place = places.get(_canonical(domain))
        if place is None:
            mistakes.append(f"{domain}: is none of the stack's domains ({', '.join(places)})")
        elif place in seen:
            mistakes.append(f"{domain}: is there more than once. Expected each domain once")
        elif not isinstance(accounts, dict | None):
            mistakes.append(f"{domain}: Expected {', '.join(KEYS)}")
        else:
            mistakes += (f"{domain}.{text}" for text in _add(whole[place], accounts or {}, place, origins))
            seen.add(place)
    return Merged(values | {"domains": whole}, mistakes, name, origins)


def _canonical(name: Any) -> str:
    return str(name).lower().removesuffix(".")


def _add(
    domain: dict[str, Any],
    accounts: Mapping[str, Any],
    place: int,
    origins: dict[tuple[int, str], int | frozenset[str]],
) -> Iterator[str]:
    """Add a domain's accounts to its settings; what is wrong with them."""
    for key, value in accounts.items():
        there: Any = domain.get(key)
        kind, words = ADDED.get(key, (object, ""))
        if key not in KEYS:
            yield f"{key}: is nothing that may stand there. Expected some of {', '.join(KEYS)}"
        elif value is None:
            continue
        elif not isinstance(value, kind):
            yield f"{key}: Expected {words}"
        elif there and not (key in ADDED and isinstance(there, kind)):
            yield f"{key}: is set in the stack's configuration, too. Expected it in one place"
        elif isinstance(value, list):
            origins[place, key] = len(there or [])
            domain[key] = [*(there or []), *value]
        elif isinstance(value, dict) and key in ADDED:
            known = {str(entry).lower() for entry in there or {}}
            twice = sorted(entry for entry in value if entry.lower() in known)
            for entry in twice:
                yield f"{key}.{entry}: is set in the stack's configuration, too. Expected it in one place"
            more = {entry: to for entry, to in value.items() if entry not in twice}
            origins[place, key] = frozenset(map(str.lower, more))
            domain[key] = {**(there or {}), **more}
        else:
            origins[place, key] = 0
            domain[key] = value
