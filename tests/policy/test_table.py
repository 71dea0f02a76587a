"""The table of rules in the pack's README."""

from policy.rules import RULES
from policy.table import README, table, with_table


def test_the_readme_shows_the_rules_as_they_are() -> None:
    text = README.read_text()
    assert with_table(text) == text, "run: python -m policy.table"


def test_the_table_has_all_rules_with_their_reasons_and_settings() -> None:
    shown = table()
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.why} | {rule.remedy} |" in shown
        for setting in rule.settings:
            assert f"| `{rule.name}` | `{setting.name}` | {setting.meaning} |" in shown
