"""What holds for all rules: that each is tested, says why and what to do, and copes with values not known yet."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from policy.model import UNKNOWN, Resource
from policy.rule import Rule
from policy.rules import RULES
from tests.policy import (
    test_accounts,
    test_backup,
    test_bimi,
    test_caa,
    test_certificate,
    test_connections,
    test_container,
    test_dnssec,
    test_firewall,
    test_folders,
    test_mta_sts,
    test_records,
    test_secrets,
    test_senders,
    test_server,
    test_services,
    test_settings,
    test_tls_reports,
    test_tlsa,
    test_worker,
)
from tests.support.case import Case, findings, sentence

TABLES = (
    test_accounts,
    test_backup,
    test_bimi,
    test_caa,
    test_certificate,
    test_connections,
    test_container,
    test_dnssec,
    test_firewall,
    test_folders,
    test_mta_sts,
    test_records,
    test_secrets,
    test_senders,
    test_server,
    test_services,
    test_settings,
    test_tls_reports,
    test_tlsa,
    test_worker,
)
CASES: list[Case] = [case for table in TABLES for case in table.CASES]
RIGHT = [case for case in CASES if case.finds is None]


def unknown_variants(value: Any) -> Iterator[Any]:
    """The value with one part of it, or all of it, not known."""
    yield UNKNOWN
    if isinstance(value, dict):
        for key, inner in value.items():
            for variant in unknown_variants(inner):
                yield value | {key: variant}
    if isinstance(value, list):
        for index, inner in enumerate(value):
            for variant in unknown_variants(inner):
                yield [*value[:index], variant, *value[index + 1 :]]


def less_known(case: Case) -> Iterator[Case]:
    """The row with one part of one resource not known."""
    for index, resource in enumerate(case.resources):
        for name, value in resource.props.items():
            for variant in unknown_variants(value):
                changed: Resource = replace(resource, props={**resource.props, name: variant})
                yield replace(case, resources=[*case.resources[:index], changed, *case.resources[index + 1 :]])


def mentions_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(mentions_unknown(inner) for inner in value.values())
    if isinstance(value, list):
        return any(mentions_unknown(inner) for inner in value)
    return value is UNKNOWN


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_is_tested_with_what_it_refuses_what_it_passes_and_what_is_not_known(rule: Rule) -> None:
    own = [case for case in CASES if case.rule == rule.name]
    assert [case for case in own if case.finds]
    assert [case for case in own if case.finds is None]
    never_unknown = {
        "ptr-for-each-address",
        "providers-explicit",
        "stack-protected",
        "settings-readable",
    }  # they look at what always is
    assert rule.name in never_unknown or any(
        mentions_unknown(dict(resource.props)) for case in own for resource in case.resources
    )


@pytest.mark.parametrize("case", RIGHT, ids=sentence)
def test_no_rule_refuses_something_because_part_of_it_is_not_known(case: Case) -> None:
    for variant in less_known(case):
        assert findings(variant) == [], variant.resources


@pytest.mark.parametrize("case", [case for case in CASES if case.finds], ids=sentence)
def test_no_rule_breaks_on_what_is_not_known(case: Case) -> None:
    for variant in less_known(case):
        findings(variant)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_a_sentence_for_why_and_a_remedy_in_its_message(rule: Rule) -> None:
    assert rule.why[0].isupper()
    assert rule.why.endswith(".")
    assert rule.message("Something is wrong.") == f"Something is wrong. {rule.remedy}"
    assert len(rule.remedy) > 10


def test_rules_have_names_of_their_own_and_all_but_one_of_them_stop() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    # What costs money every month is advice.
    advice = [rule.name for rule in RULES if rule.level not in ("mandatory", "remediate")]
    assert advice == ["backup-in-protected-stack"]
