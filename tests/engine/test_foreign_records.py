"""Records that stand in the zone already stop the preview, and can be taken over."""

from pathlib import Path

import pytest

from tests.engine import clouds
from tests.engine.stack import Stack

ZONE = "foreign.example"


@pytest.fixture
def stack(sandbox: None, tmp_path: Path) -> Stack:
    """A stack that was never deployed, on a zone of its own."""
    clouds.add_zone(ZONE)
    domains = [{"name": ZONE}]
    return Stack(tmp_path, "foreign", mailHost=f"mail.{ZONE}", domains=domains, adminAddress=f"admin@{ZONE}")


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        (ZONE, "MX", "mx.other.example"),
        (ZONE, "TXT", '"v=spf1 include:other.example -all"'),
        (f"_dmarc.{ZONE}", "TXT", '"v=DMARC1; p=none"'),
        (f"mail.{ZONE}", "A", "198.51.100.80"),
    ],
)
def test_a_foreign_record_stops_the_preview_with_its_content_and_the_import_command(
    stack: Stack, name: str, kind: str, content: str
) -> None:
    identifier = clouds.add_record(ZONE, name, kind, content)
    text = stack.refused()
    assert f"{name} {kind} {content} (id {identifier})" in text
    assert f"{clouds.zone_id(ZONE)}/{identifier}" in text
    assert clouds.zone_records(ZONE) == {(name, kind, content)}
