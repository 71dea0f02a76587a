"""Labels and label selectors (https://docs.hetzner.cloud, "Labels" and "Label Selector")."""

import re
from collections.abc import Callable, Mapping

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?"
_PREFIX = r"(?=.{1,253}/)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_KEY = rf"(?:{_PREFIX}/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"

_EQUAL = re.compile(rf"({_KEY})={{1,2}}({_VALUE})")

RESERVED_PREFIX = "hetzner.cloud/"

Labels = Mapping[str, str]
Selector = Callable[[Labels], bool]


def label_problem(labels: object) -> str | None:
    """Why these are not labels, or None when they are."""
    if not isinstance(labels, dict):
        return "must be an object"
    for key, value in labels.items():
        if not re.fullmatch(_KEY, key) or key.startswith(RESERVED_PREFIX):
            return f"label key '{key}' is not correctly formatted"
        if not isinstance(value, str) or not re.fullmatch(_VALUE, value):
            return f"label value '{value}' (key: {key}) is not correctly formatted"
    return None


def parse_selector(text: str) -> Selector:
    """The predicate of a selector made of `key=value` terms; raises ValueError for any other of the language."""
    wanted = [_parse_term(term.strip()) for term in text.split(",")]
    return lambda labels: all(labels.get(key) == value for key, value in wanted)


def _parse_term(term: str) -> tuple[str, str]:
    found = _EQUAL.fullmatch(term)
    if not found:
        raise ValueError(f"label selector term '{term}' is malformed, or not one of the sandbox's: key=value")
    return found[1], found[2]
