"""What stops a preview: records that stand in the zone already, and settings that the clouds cannot fulfil."""

from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"serverType": "cax11"}, "serverType cax11 has the architecture arm"),
        ({"serverType": "cx22"}, "serverType cx22"),
        ({"domains": [{"name": "absent.example"}], "mailHost": "mail.absent.example",
          "adminAddress": "a@absent.example"}, "no zone absent.example at Cloudflare"),
    ],
)  # fmt: skip
def test_what_the_clouds_do_not_offer_stops_the_preview_in_a_sentence(
    stack: Stack, config: dict[str, Any], sentence: str
) -> None:
    stack.configure(**config)
    text = stack.refused()
    assert sentence in text
    assert "Traceback" not in text
