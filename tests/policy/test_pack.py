"""The bridge to Pulumi's policy SDK."""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from pulumi_policy.secret import Secret, secrets_preserving_proxy

from policy import pack
from policy.model import CONTAINER, COPY, DNS_RECORD, SERVER, STACK, UNKNOWN, VOLUME, ZONE_DNSSEC
from policy.rules import RULES
from tests.support.examples import PASSWORD
from tests.support.project import handed_over

CONFIG = handed_over()


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine runs the pack for a stack, whose configuration it puts into the environment."""
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(CONFIG))
    before = pulumi.runtime.settings.SETTINGS
    pulumi.runtime.configure(pulumi.runtime.Settings(project="poste-mail", stack="prod"))
    pack._stack.cache_clear()
    pack._told.clear()
    yield
    pulumi.runtime.configure(before)
    pack._stack.cache_clear()
    pack._told.clear()


def options(*, protect: bool = False, ignores: tuple[str, ...] = ()) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, list(ignores), None, [], PolicyCustomTimeouts(0, 0, 0), [])


def said(
    name: str,
    kind: str,
    props: dict[str, Any],
    config: dict[str, Any] | None = None,
    ignores: tuple[str, ...] = (),
) -> list[str]:
    """What a resource rule reports through the SDK."""
    (policy,) = [policy for policy in pack.policies(RULES) if policy.name == name]
    assert isinstance(policy, ResourceValidationPolicy)
    args = ResourceValidationArgs(
        kind, unknown_checking_proxy(props), "urn", "name", options(ignores=ignores), None, config
    )
    messages: list[str] = []
    policy.validate(args, lambda message, _urn: messages.append(message))
    return messages


def resource(kind: str, urn: str, props: dict[str, Any], **links: Any) -> PolicyResource:
    found = PolicyResource(
        kind, unknown_checking_proxy(props), urn, urn, options(), None, None, links.get("after", []), {}
    )
    found.property_dependencies = links.get("uses", {})
    return found


def test_a_finding_is_reported_with_its_remedy() -> None:
    (message,) = said("dns-not-proxied", DNS_RECORD, {"proxied": True})
    assert message == "The record is proxied. Set proxied to False."


def test_a_rule_looks_at_its_own_types_only() -> None:
    assert said("dns-not-proxied", SERVER, {"proxied": True}) == []


@pytest.mark.parametrize(
    ("rule", "kind", "props"),
    [
        ("dns-not-proxied", "cloudflare:index/record:Record", {"proxied": True}),
        ("worker-plain", "cloudflare:index/workerScript:WorkerScript", {"mainModule": "x", "compatibilityDate": "x"}),
        ("worker-own-hosts", "cloudflare:index/workerDomain:WorkerDomain", {"hostname": "x"}),
    ],
)
def test_a_resource_by_an_earlier_name_of_its_type_is_judged_alike(rule: str, kind: str, props: dict[str, Any]) -> None:
    assert said(rule, kind, props)


def test_a_rule_for_single_resources_sees_which_changes_are_ignored() -> None:
    assert said("dnssec-stays", ZONE_DNSSEC, {"status": "active"}, ignores=("status",))
    assert said("dnssec-stays", ZONE_DNSSEC, {"status": "active"}) == []


def test_what_is_not_known_in_a_preview_is_left_alone_and_never_makes_the_sdk_skip_the_rule() -> None:
    found = said("labels-present", SERVER, {"labels": {"managed-by": "pulumi", "stack": UNKNOWN_STRING_VALUE}})
    assert found == ["The label project=poste-mail is missing. Set labels to stack_labels(project, stack)."]


def test_properties_come_as_plain_values_with_whole_numbers() -> None:
    proxy = unknown_checking_proxy({"a": [{"b": 3600.0, "c": UNKNOWN_STRING_VALUE}], "d": 0.5, "e": None})
    assert pack.plain(proxy) == {"a": [{"b": 3600, "c": UNKNOWN}], "d": 0.5, "e": None}
    assert isinstance(pack.plain(proxy)["a"][0]["b"], int)


def test_a_rule_takes_its_settings_from_the_policy_configuration() -> None:
    mild = {"type": "TXT", "name": "_dmarc.example.com", "content": '"v=DMARC1; p=none"'}
    assert said("dmarc-strict", DNS_RECORD, mild) == []
    assert said("dmarc-strict", DNS_RECORD, mild, {"minimum": "quarantine"})


def test_a_stack_rule_sees_what_each_property_comes_from_and_blames_the_resource() -> None:
    (policy,) = [policy for policy in pack.policies(RULES) if policy.name == "container-data-on-volume"]
    assert isinstance(policy, StackValidationPolicy)
    volume = resource(VOLUME, "volume", {})
    mounting = resource("command:remote:Command", "mounting", {}, uses={"stdin": [volume]})
    blamed: list[str | None] = []
    for uses in ({"volumes": [mounting]}, {"image": [mounting]}):
        container = resource(CONTAINER, "container", {}, uses=uses)
        args = StackValidationArgs([container, mounting, volume])
        policy.validate(args, lambda _message, urn: blamed.append(urn))
    assert blamed == ["container"]


def test_a_stack_rule_sees_what_must_be_there_before_a_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(CONFIG | {"poste-mail:mtaSts": "enforce"}))
    (policy,) = [policy for policy in pack.policies(RULES) if policy.name == "mta-sts-enforced-when-trusted"]
    assert isinstance(policy, StackValidationPolicy)
    getting = resource("command:remote:Command", "getting", {"create": "python3 /opt/poste-mail/certificate.py"})
    blamed: list[str | None] = []
    for name, after in (("early", []), ("late", [getting])):
        text = {"type": "TXT", "name": "_mta-sts.example.com", "content": '"v=STSv1; id=1"'}
        args = StackValidationArgs([getting, resource(DNS_RECORD, name, text, after=after)])
        policy.validate(args, lambda _message, urn: blamed.append(urn))
    assert blamed == ["early"]


def test_a_file_that_is_copied_from_memory_is_judged_by_its_text() -> None:
    (message,) = said("no-secret-shown", COPY, {"source": pulumi.StringAsset(PASSWORD)})
    assert message.startswith("The property source holds the secret poste-mail:adminPassword.")


def test_a_file_that_is_copied_from_the_disk_is_judged_by_its_path() -> None:
    (message,) = said("account-key-stays", COPY, {"source": pulumi.FileAsset("backup/privkey.pem")})
    assert message.startswith("The property source is backup/privkey.pem, which holds a key.")


def test_a_rule_of_the_level_remediate_sees_what_is_not_encrypted() -> None:
    (policy,) = [policy for policy in pack.policies(RULES) if policy.name == "secrets-encrypted"]
    assert isinstance(policy, ResourceValidationPolicy)
    assert policy.enforcement_level is EnforcementLevel.REMEDIATE

    def judged(urn: str, props: dict[str, Any]) -> list[str]:
        """What the engine does: ask for remediation, with secrets marked, and then for validation, without."""
        told = secrets_preserving_proxy(props)
        policy.remediate(ResourceValidationArgs(SERVER, told, urn, "name", options(), None, None))
        shown = unknown_checking_proxy({key: getattr(value, "value", value) for key, value in props.items()})
        messages: list[str] = []
        args = ResourceValidationArgs(SERVER, shown, urn, "name", options(), None, None)
        policy.validate(args, lambda message, _urn: messages.append(message))
        return messages

    assert judged("a", {"userData": Secret(f"# {PASSWORD}"), "labels": {"x": UNKNOWN_STRING_VALUE}}) == []
    (message,) = judged("b", {"userData": f"# {PASSWORD}", "sshKeys": [Secret(PASSWORD)]})
    assert message.startswith("The property userData holds the secret poste-mail:adminPassword and is not encrypted.")


def test_settings_that_cannot_be_read_are_a_violation_once_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(CONFIG | {"poste-mail:domains": "none"}))
    (message,) = said("settings-readable", STACK, {})
    assert message.startswith(
        "No rule can judge this stack. Configuration of stack prod: 1 mistake in Pulumi.prod.yaml domains: "
    )
    assert "\n" not in message
    assert said("dns-not-proxied", DNS_RECORD, {"proxied": True}) == []


def test_where_the_rule_for_readable_settings_is_disabled_another_one_does_not_pass_what_it_cannot_judge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(CONFIG | {"poste-mail:domains": "none"}))
    (message,) = said("dns-not-proxied", DNS_RECORD, {"proxied": True})
    assert message.startswith("No rule can judge this stack.")


def test_without_any_configuration_the_pack_says_so_and_does_not_pass_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG")
    (message,) = said("dns-not-proxied", DNS_RECORD, {"proxied": True})
    assert message.startswith("No rule can judge this stack. The engine tells no configuration")


def test_all_rules_are_in_the_pack_at_their_level_with_a_schema_for_their_settings() -> None:
    policies = {policy.name: policy for policy in pack.policies(RULES)}
    assert list(policies) == [rule.name for rule in RULES]
    for rule in RULES:
        policy = policies[rule.name]
        assert policy.enforcement_level is EnforcementLevel(rule.level)
        known = policy.config_schema.properties if policy.config_schema else {}
        assert set(known) == {setting.name for setting in rule.settings}
