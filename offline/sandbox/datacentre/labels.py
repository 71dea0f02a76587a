"""Labels and label selectors (https://docs.hetzner.cloud, "Labels" and "Label Selector")."""

import re
from collections.abc import Callable, Mapping

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?"
_PREFIX = r"(?=.{1,253}/)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_KEY = rf"(?:{_PREFIX}/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"

_ABSENT = re.compile(rf"!\s*({_KEY})")
_PRESENT = re.compile(rf"({_KEY})")
_COMPARE = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")

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
    """The predicate a selector stands for; raises ValueError when it is malformed."""
    terms = [_parse_term(term.strip()) for term in re.split(r",(?![^()]*\))", text)]
    return lambda labels: all(term(labels) for term in terms)


def _parse_term(term: str) -> Selector:
    if found := _ABSENT.fullmatch(term):
        absent = found[1]
        return lambda labels: absent not in labels
    if found := _PRESENT.fullmatch(term):
        present = found[1]
        return lambda labels: present in labels
    if found := _COMPARE.fullmatch(term):
        key, operator, value = found[1], found[2], found[3]
        return lambda labels: (labels.get(key) == value) is (operator != "!=")
    if found := _SET.fullmatch(term):
        key, operator = found[1], found[2]
        values = {value.strip() for value in found[3].split(",")}
        return lambda labels: (labels.get(key) in values) is (operator == "in")
    raise ValueError(f"label selector term '{term}' is malformed")
