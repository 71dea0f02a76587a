"""What stops a preview: records that stand in the zone already, and settings that the clouds cannot fulfil."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import clouds
from tests.support.stack import Stack

ZONE = "foreign.example"


@pytest.fixture
def stack(sandbox: None, tmp_path: Path) -> Stack:
    """A stack that was never deployed, on a zone of its own."""
    clouds.add_zone(ZONE)
    domains = [{"name": ZONE}]
    return Stack(tmp_path, "foreign", mailHost=f"mail.{ZONE}", domains=domains, adminAddress=f"admin@{ZONE}")


def imports(text: str) -> list[list[str]]:
    """The arguments of the import commands that a preview printed."""
    lines = [line.split() for line in text.splitlines()]
    return [words[1:] for words in lines if words[:2] == ["pulumi", "import"]]


def test_all_that_is_in_the_way_is_told_at_once_each_with_its_own_way_out(stack: Stack) -> None:
    exchangers = [clouds.add_record(ZONE, ZONE, "MX", f"mx{number}.other.example") for number in range(3)]
    policy = clouds.add_record(ZONE, ZONE, "TXT", '"v=spf1 include:_spf.other.example -all"')
    dmarc = clouds.add_record(ZONE, f"_dmarc.{ZONE}", "TXT", "v = DMARC1 ; p=none")
    address = clouds.add_record(ZONE, f"mail.{ZONE}", "A", "198.51.100.80")
    delegation = clouds.add_record(ZONE, f"_domainkey.{ZONE}", "NS", "ns.other.example")
    site = clouds.add_record(ZONE, ZONE, "CNAME", "site.other.example")
    before = clouds.zone_records(ZONE)
    text = stack.refused()
    for identifier in (*exchangers, policy, dmarc, address, delegation):
        assert f"(id {identifier})" in text
    # What Cloudflare flattens at the zone's own name is in nobody's way.
    assert f"(id {site})" not in text
    zone = clouds.zone_id(ZONE)
    assert sorted(command[2:4] for command in imports(text)) == sorted(
        [
            [f"mail.{ZONE}-a", f"{zone}/{address}"],
            [f"{ZONE}-spf", f"{zone}/{policy}"],
            [f"{ZONE}-dmarc", f"{zone}/{dmarc}"],
            [f"{ZONE}-mx", f"{zone}/{exchangers[0]}"],
        ]
    )
    assert "pulumi config set --path 'domains[0].senders[0]' 'include:_spf.other.example' --stack foreign" in text
    assert clouds.zone_records(ZONE) == before


def test_of_several_one_is_taken_over_and_the_others_stop_the_preview_until_they_are_gone(stack: Stack) -> None:
    first, second = (clouds.add_record(ZONE, ZONE, "MX", f"mx{number}.other.example") for number in range(2))
    stack.configure(adoptedRecords=[first])
    text = stack.refused()
    assert "listed in adoptedRecords but was never imported" in text
    (command,) = imports(text)
    stack.run(*command, "--yes")
    text = stack.refused()
    assert imports(text) == []
    assert f"(id {first})" not in text
    assert f"(id {second})" in text
    clouds.remove_record(ZONE, second)
    preview = stack.run("preview", "--stack", stack.name)
    assert "1 to update" in preview
    assert "to delete" not in preview
    assert "to replace" not in preview


def test_a_record_of_ours_whose_comment_was_edited_and_one_that_the_state_has_lost_are_told_apart(stack: Stack) -> None:
    known = clouds.add_record(ZONE, ZONE, "MX", f"mail.{ZONE}")
    text = stack.refused()
    assert f"./run mail repair --stack {stack.name}" in text
    (command,) = imports(text)
    assert command[3].endswith(f"/{known}")
    stack.run(*command, "--yes")
    clouds.edit_record(ZONE, known, comment="written by hand")
    preview = stack.run("preview", "--stack", stack.name)
    assert "1 to update" in preview
    assert "to delete" not in preview


def test_records_that_email_routing_locks_are_told_as_such(stack: Stack) -> None:
    clouds.route_email(ZONE)
    text = stack.refused()
    assert "turn Email Routing off" in text
    assert imports(text) == []


def test_what_an_earlier_server_promised_is_a_warning(stack: Stack) -> None:
    stack.configure(mtaSts=None)
    clouds.add_record(ZONE, f"_mta-sts.{ZONE}", "TXT", '"v=STSv1; id=20250101"')
    assert "senders refuse to deliver" in stack.run("preview", "--stack", stack.name)


def test_what_tells_senders_and_programs_something_else_is_in_the_way_and_what_does_not_is_not(stack: Stack) -> None:
    told = {
        f"_smtp._tls.{ZONE}": ("TXT", '"v=TLSRPTv1; rua=mailto:a@other.example"', f"{ZONE}-tls-reports"),
        f"_mta-sts.{ZONE}": ("TXT", '"v=STSv1; id=20250101"', f"{ZONE}-mta-sts"),
        f"mail.{ZONE}": ("TXT", '"v=spf1 mx -all"', f"mail.{ZONE}-spf"),
    }
    imported = {clouds.add_record(ZONE, name, kind, text): resource for name, (kind, text, resource) in told.items()}
    host = clouds.add_record(ZONE, f"autoconfig.{ZONE}", "CNAME", "autoconfig.other.example")
    beside = clouds.add_record(ZONE, f"mail.{ZONE}", "TXT", '"site-verification=abc"')
    text = stack.refused()
    zone = clouds.zone_id(ZONE)
    expected = [[resource, f"{zone}/{identifier}"] for identifier, resource in imported.items()]
    assert sorted(command[2:4] for command in imports(text)) == sorted(expected)
    assert f"(id {host}), in the way of this stack's web record" in text
    assert f"(id {beside}" not in text


def test_a_token_without_rights_to_workers_stops_the_preview_with_those_that_it_needs(stack: Stack) -> None:
    with clouds.no_right_to_workers():
        text = stack.refused()
        assert "rights Workers Scripts: Edit (of the account) and Workers Routes: Edit (of the zones)" in text
        stack.configure(mtaSts=None, clientSetup=None)
        stack.run("preview", "--stack", stack.name)


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
