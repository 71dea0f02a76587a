"""Writes the table of rules in policy/README.md from the rules themselves: python -m policy.table"""

import json
from collections.abc import Iterator
from pathlib import Path

from policy.model import EVERYTHING, PROVIDER
from policy.rule import ResourceRule, Rule
from policy.rules import GROUPS

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- rules -->\n", "<!-- end of rules -->\n"


def table() -> str:
    """The rules by group, and the settings of those that have some."""
    return "\n".join([*_rules(), *_settings(), ""])


def with_table(readme: str) -> str:
    """The README with its table brought up to date."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def _rules() -> Iterator[str]:
    for group, rules in GROUPS.items():
        yield f"### {group}\n"
        yield "| Rule | Why | If it is broken | Scope | Level |"
        yield "| --- | --- | --- | --- | --- |"
        for rule in rules:
            yield f"| `{rule.name}` | {rule.why} | {rule.remedy} | {_scope(rule)} | {rule.level} |"
        yield ""


def _scope(rule: Rule) -> str:
    if not isinstance(rule, ResourceRule):
        return "stack"
    if EVERYTHING in rule.types:
        return "every resource"
    return ", ".join(f"`{_short(kind)}`" for kind in rule.types)


def _short(resource_type: str) -> str:
    """hcloud:Server for hcloud:index/server:Server; providers keep their whole type."""
    if resource_type.startswith(PROVIDER):
        return f"{resource_type}*" if resource_type == PROVIDER else resource_type
    return f"{resource_type.partition(':')[0]}:{resource_type.rpartition(':')[2]}"


def _settings() -> Iterator[str]:
    yield "### Settings\n"
    yield "| Rule | Setting | Meaning | Type | Default |"
    yield "| --- | --- | --- | --- | --- |"
    for rules in GROUPS.values():
        for rule in rules:
            for setting in rule.settings:
                choice = setting.schema.get("enum")
                kind = ", ".join(f"`{value}`" for value in choice) if choice else setting.schema["type"]
                default = "as the meaning says" if setting.default in (None, ()) else f"`{json.dumps(setting.default)}`"
                yield f"| `{rule.name}` | `{setting.name}` | {setting.meaning} | {kind} | {default} |"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
