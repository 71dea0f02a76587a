"""The rule that the settings must be readable."""

from typing import Any, cast

import pytest

from policy.model import STACK, Resource
from policy.stack import Stack, Unreadable
from tests.support.case import Case, holds, sentence

UNREADABLE: Any = Unreadable("Configuration of stack prod: 1 mistake")

CASES = [
    Case("settings that can be read", "settings-readable", [Resource(STACK, "x")]),
    Case(
        "settings that cannot be read",
        "settings-readable",
        [Resource(STACK, "x")],
        "No rule can judge this stack. Configuration of stack prod: 1 mistake",
        stack=cast(Stack, UNREADABLE),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
