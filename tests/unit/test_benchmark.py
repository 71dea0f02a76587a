"""What a benchmark makes of its runs, and what its server on paper answers."""

import json

import pytest
from pulumi.runtime.proto import provider_pb2

from benchmarks.command import domains, further, mailboxes
from benchmarks.figures import DOMAINS, KINDS, LAYOUTS, MAILBOXES, Figure, Layout, Runs, figures
from benchmarks.server_on_paper import COMMAND, Paper
from benchmarks.world import Run
from model.records import strong_dkim_key
from tests.support.examples import settings


def runs(seconds: float = 0.02, megabytes: float = 0.5, single: float = 4.4) -> Runs:
    """A floor of 4 s, a preview of one domain, and of fifty, each further one of which takes so much."""
    one = Run(single, 6, 200)
    fifty = Run(single + 49 * seconds, 6 + 49 * 2 * seconds, 200 + 49 * megabytes)
    many = {(kind, layout): fifty for kind in KINDS for layout in LAYOUTS}
    people = Run(single + MAILBOXES * seconds / 4, 6 + MAILBOXES * seconds / 2, 200)
    return Runs(Run(4, 5, 180), dict.fromkeys(KINDS, one), many, people)


def row(found: Runs, what: str) -> Figure:
    (only,) = [figure for figure in figures(found) if figure.what == what]
    return only


FURTHER = "no-op preview, each further domain in one zone"


def test_a_preview_is_compared_with_that_of_a_program_that_only_loads_the_sdks() -> None:
    found = row(runs(single=4.4), "first preview, one domain")
    assert found.ratio == pytest.approx(1.1)
    assert found.reached
    assert row(runs(single=4.8), "first preview, one domain").reached is False


def test_what_a_further_domain_takes_is_the_difference_to_one_domain_by_their_number() -> None:
    found = row(runs(seconds=0.02), FURTHER)
    assert found.value == pytest.approx(20)
    assert found.unit == "ms"
    assert found.processor == pytest.approx(40)
    assert found.ratio == pytest.approx(0.005)


@pytest.mark.parametrize(("seconds", "megabytes", "reached"), [(0.02, 0.5, True), (0.04, 1.5, False)])
def test_a_further_domain_that_takes_more_than_the_goal_is_said_to_miss_it(
    seconds: float, megabytes: float, reached: bool
) -> None:
    found = [figure for figure in figures(runs(seconds, megabytes)) if "further" in figure.what]
    assert [figure.reached for figure in found] == [reached] * 8


@pytest.mark.parametrize(("seconds", "reached"), [(0.02, True), (0.06, False)])
def test_what_a_mailbox_takes_is_the_difference_to_a_stack_without_them(seconds: float, reached: bool) -> None:
    found = row(runs(seconds), f"no-op preview, each of {MAILBOXES} mailboxes")
    assert found.value == pytest.approx(seconds * 1000 / 4)
    assert found.reached is reached


def test_the_mailboxes_that_are_measured_are_taken_by_the_settings() -> None:
    assert len(settings(domains=[{"name": "club.example", "mailboxes": mailboxes()}], mail_host="mail.club.example",
                        admin_address="admin@club.example").mailboxes) == MAILBOXES  # fmt: skip


def test_of_a_further_domain_that_seems_to_take_no_time_it_is_not_said_that_it_reaches_the_goal() -> None:
    assert row(runs(seconds=-0.01), FURTHER).reached is None


@pytest.mark.parametrize(("layout", "zones"), [("one zone", 1), ("zones of their own", DOMAINS)])
def test_the_stacks_that_are_measured_have_fifty_domains_that_the_settings_take(layout: Layout, zones: int) -> None:
    made = settings(domains=domains(further(), layout))
    assert len(made.domains) == DOMAINS
    assert len({domain.zone_name for domain in made.domains}) == zones


def test_a_command_on_paper_prints_a_key_that_the_program_publishes() -> None:
    request = provider_pb2.CreateRequest(type=COMMAND)
    request.properties.update({"create": "true"})
    made = Paper("1.2.1").Create(request, None)
    assert made.properties["create"] == "true"
    assert strong_dkim_key(json.loads(made.properties["stdout"])["public_key"])


def test_on_paper_nothing_changes_whose_inputs_are_the_same() -> None:
    request = provider_pb2.DiffRequest()
    request.old_inputs.update({"create": "true"})
    request.news.update({"create": "true"})
    assert Paper("1.2.1").Diff(request, None).changes == provider_pb2.DiffResponse.DIFF_NONE
    request.news.update({"create": "false"})
    assert Paper("1.2.1").Diff(request, None).changes == provider_pb2.DiffResponse.DIFF_SOME
