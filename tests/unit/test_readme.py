"""The README's tables are the program's own, and what documents point to is there."""

import re
from pathlib import Path

import pytest
import yaml

from model.ports import EGRESS, TABLE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ROOMS = ("components", "model", "remote", "policy", "operate", "offline", "tests", "docs")


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
        shown = (
            "-" if default in ("", [], {}) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        rows.append(f"| `{key}` | {setting['type']} | {shown} | {setting['description']} |")
    assert "\n".join(rows) in README


def test_the_readme_names_no_command_that_is_not_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in README.splitlines():
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile, line


DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.md"))])
OF_THE_PERSON = "policy/stacks/"
"""Settings of the policies for a stack, which a person writes."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_path_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text()
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}
    named = set(re.findall(rf"(?<![\w/.-])((?:{'|'.join(ROOMS)})/[\w./-]*\w(?:\.py|/)?)", text))
    missing = {path for path in links - {""} if not (document.parent / path).exists()}
    missing |= {path for path in named if not (ROOT / path).exists() and not path.startswith(OF_THE_PERSON)}
    assert missing == set()


def test_the_offline_part_says_first_that_none_of_it_is_deployed() -> None:
    assert "none of this is deployed" in (ROOT / "offline" / "README.md").read_text().splitlines()[0]
