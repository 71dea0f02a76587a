"""The README's tables are the program's own: ports, outbound list, settings and records."""

from pathlib import Path

import yaml

from model.ports import EGRESS, TABLE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_readme_has_the_port_table() -> None:
    rows = []
    for port in TABLE:
        openness = "optional" if port.optional else "always"
        rows.append(f"| {port.number} | {port.service} | {port.security} | {port.purpose} | {openness} |")
    assert "\n".join(rows) in README


def test_the_readme_has_the_outbound_list() -> None:
    rows = [f"| {rule.protocol} | {rule.port or '-'} | {rule.purpose} |" for rule in EGRESS]
    assert "\n".join(rows) in README


def test_the_readme_has_each_setting_with_its_default() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    rows = []
    for key, setting in declared.items():
        default = setting["default"]
        shown = "-" if default in ("", []) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append(f"| `{key}` | {setting['type']} | {shown} | {setting['description']} |")
    assert "\n".join(rows) in README


def test_the_readme_names_no_command_that_is_not_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in README.splitlines():
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile, line
