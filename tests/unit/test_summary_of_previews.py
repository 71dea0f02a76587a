"""The preview summary, on events that the engine wrote in previews of this program on the sandbox's clouds."""

from pathlib import Path

import pytest

from operate.workflow.drift import without_waiting
from operate.workflow.summary.changes import Change, Preview, Verb
from operate.workflow.summary.events import read
from operate.workflow.summary.kinds import CONTAINER, DNS_RECORD, VOLUME, kind
from operate.workflow.summary.markdown import headline, summary
from operate.workflow.summary.marks import Topic, marks

PREVIEWS = Path(__file__).parent / "previews"


def preview(name: str) -> Preview:
    return read((PREVIEWS / f"{name}.jsonl").read_text())


def text(name: str) -> str:
    return summary(preview(name), "prod")


def rows(markdown: str, verb: str) -> list[str]:
    """The lines of one verb's table or list."""
    after = markdown.partition(f"**{verb}**\n\n")[2]
    return after.partition("\n\n")[0].splitlines()


def of(verb: Verb, type_: str, resource: str = "it", /, **inputs: object) -> Change:
    old = {} if verb is Verb.CREATE else inputs
    return Change(verb, type_, resource, old, {} if verb is Verb.DESTROY else inputs)


def test_a_server_moved_to_another_location_is_told_in_the_first_line() -> None:
    assert text("moved_server").splitlines()[0] == "### Stack `prod`: 7 replaced, 5 changed, 15 created"


def test_each_replaced_resource_is_counted_once_though_the_engine_tells_it_in_three_steps() -> None:
    names = [(change.type, change.name) for change in preview("moved_server").changes]
    assert len(names) == len(set(names))


def test_a_replacement_says_what_forces_it_and_what_else_changes() -> None:
    row = "`location` (forces the replacement): `nbg1` → `fsn1`<br>`size`: `20` → `30`"
    assert f"| volume | `poste-mail-wfe` | {row} |" in rows(text("moved_server"), "Replaced")


def test_a_change_deep_in_a_list_is_shown_alone() -> None:
    changed = rows(text("moved_server"), "Changed")
    difference = "`rules[0].sourceIps[0]`: `198.51.100.1/32` → `198.51.100.9/32`"
    assert f"| cloud firewall | `poste-mail-wfe-ssh` | {difference} |" in changed


def test_a_long_text_is_cut_so_that_the_difference_is_seen() -> None:
    (row,) = [line for line in rows(text("moved_server"), "Changed") if "DMARC record" in line]
    assert "p=reject" in row
    assert "p=none" in row
    assert len(row) < 300


def test_a_value_that_is_not_known_yet_is_said_to_be_so() -> None:
    assert "`content`: `198.51.100.128` → `(known in the update)`" in text("moved_server")


def test_lost_mail_data_and_addresses_are_the_first_thing_a_reviewer_sees() -> None:
    lines = text("moved_server").splitlines()
    assert lines[2] == "> [!CAUTION]"
    assert lines[3].startswith("> - 🛑 **Mail data** ")
    assert "**replaced** volume attachment `poste-mail-wfe`, volume `poste-mail-wfe`" in lines[3]
    assert lines[4].startswith("> - 🛑 **Addresses** ")
    assert "**replaced** primary address `poste-mail-wfe-ipv4`" in lines[4]
    assert lines[5].startswith("> - ⚠️ **DKIM** ")


def test_a_domain_that_goes_is_marked_for_its_mx_and_listed_as_destroyed() -> None:
    assert "🛑 **MX** (they decide where the domain's mail goes): **destroyed** MX record `club.example`" in text(
        "other_domain"
    )
    assert "| SPF record | `club.example` |" in rows(text("other_domain"), "Destroyed")


def test_what_is_new_is_one_line_a_kind() -> None:
    created = rows(text("other_domain"), "Created")
    assert "- remote command: `host-ready`, `host-volume`, `host-firewall`, `poste-install`, `dkim-family.example`" in (
        created
    )
    assert len(created) <= 12


def test_components_and_the_stack_itself_are_no_changes() -> None:
    assert not [change for change in preview("other_domain").changes if change.type.startswith("poste-mail:")]


def test_a_broken_policy_is_quoted_with_its_remedy() -> None:
    assert "[mandatory] stack-protected: poste-mail-wfe" in text("broken_policy")
    assert "Set it with: pulumi config set protect true" in text("broken_policy")
    assert "the preview failed" in text("broken_policy").splitlines()[0]


def test_a_broken_configuration_is_quoted_and_the_engines_echo_of_it_is_not() -> None:
    assert "mailHost: is missing" in text("broken_config")
    assert "unhandled error" not in text("broken_config")


def test_secrets_are_named_as_such() -> None:
    (server,) = [change for change in preview("moved_server").changes if change.type.endswith(":Server")]
    assert server.new["userData"] == "[secret]"


@pytest.mark.parametrize("wrong", ["no json", '{"steps": []}', "[]"])
def test_what_the_engine_did_not_write_is_refused_with_what_would_be_right(wrong: str) -> None:
    with pytest.raises(ValueError, match="PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json"):
        read(wrong)


def test_an_empty_preview_says_that_nothing_changes_and_alerts_nobody() -> None:
    assert headline(Preview([], 40)) == "no changes"
    assert summary(Preview([], 40), "prod") == "### Stack `prod`: no changes\n\n40 resources unchanged.\n"


@pytest.mark.parametrize(
    ("change", "topic", "loses"),
    [
        (of(Verb.DESTROY, VOLUME), Topic.MAIL_DATA, True),
        (of(Verb.CHANGE, VOLUME), Topic.MAIL_DATA, False),
        (of(Verb.REPLACE, CONTAINER, volumes=[{"containerPath": "/data"}]), Topic.MAIL_DATA, False),
        (of(Verb.CHANGE, CONTAINER, mounts=[{"target": "/data"}]), Topic.MAIL_DATA, False),
        (of(Verb.REPLACE, "hcloud:index/primaryIp:PrimaryIp"), Topic.ADDRESSES, True),
        (of(Verb.CHANGE, "hcloud:index/rdns:Rdns"), Topic.ADDRESSES, False),
        (of(Verb.DESTROY, DNS_RECORD, type="AAAA"), Topic.ADDRESSES, True),
        (of(Verb.CHANGE, DNS_RECORD, type="A"), Topic.ADDRESSES, False),
        (of(Verb.DESTROY, DNS_RECORD, type="TXT", name="s2026._domainkey.club.example"), Topic.DKIM, True),
        (of(Verb.CREATE, DNS_RECORD, "club.example-dkim", type="TXT"), Topic.DKIM, False),
        (of(Verb.CREATE, DNS_RECORD, "club.example-dkim-12", type="TXT"), Topic.DKIM, False),
        (of(Verb.CHANGE, "command:remote:Command", "dkim-club.example"), Topic.DKIM, False),
        (of(Verb.REPLACE, DNS_RECORD, type="MX"), Topic.MX, True),
        (of(Verb.DESTROY, "cloudflare:index/zoneDnssec:ZoneDnssec"), Topic.DNSSEC, True),
    ],
)
def test_what_touches_mail_data_addresses_dkim_or_mx_is_marked(change: Change, topic: Topic, loses: bool) -> None:
    (mark,) = marks([change])
    assert (mark.topic, mark.loses) == (topic, loses)


@pytest.mark.parametrize(
    "change",
    [
        of(Verb.CHANGE, CONTAINER, volumes=[{"containerPath": "/cache"}]),
        of(Verb.REPLACE, "hcloud:index/server:Server"),
        of(Verb.CHANGE, DNS_RECORD, "club.example-spf", type="TXT", name="club.example"),
        of(Verb.CHANGE, "command:remote:Command", "host-firewall"),
        of(Verb.DESTROY, DNS_RECORD, type="MX", content="."),
    ],
)
def test_other_changes_are_not_marked(change: Change) -> None:
    assert not list(marks([change]))


def test_an_mx_record_made_of_another_type_is_marked_too() -> None:
    change = Change(Verb.REPLACE, DNS_RECORD, "it", {"type": "MX"}, {"type": "TXT"})
    assert [mark.topic for mark in marks([change])] == [Topic.MX]


def test_names_and_values_cannot_break_out_of_the_table() -> None:
    change = Change(
        Verb.CHANGE, DNS_RECORD, "it", {"name": "a|b`c", "ttl": 1}, {"name": "a|b`c", "ttl": "x|y\n| z"}, ("ttl",)
    )
    (row,) = [line for line in summary(Preview([change]), "prod").splitlines() if line.startswith("| DNS record")]
    assert row == r"| DNS record | `` a\|b`c `` | `ttl`: `1` → `x\|y \| z` |"


def test_an_error_with_a_code_fence_in_it_stays_within_its_own() -> None:
    assert "\n````text\nsee\n```\n[x](y)\n````" in summary(Preview([], errors=["see\n```\n[x](y)"]), "prod")


def test_what_cloudflare_serves_and_signs_is_called_in_plain_words() -> None:
    kinds = ("zoneDnssec:ZoneDnssec", "workersScript:WorkersScript", "workersCustomDomain:WorkersCustomDomain")
    said = [kind(of(Verb.CREATE, f"cloudflare:index/{name}")) for name in kinds]
    assert said == ["signing of the zone", "Worker", "host of the Worker"]


def test_a_text_is_called_by_what_it_is_for() -> None:
    names = ("spf", "dkim-3", "mta-sts", "tls-reports", "bimi")
    said = [kind(of(Verb.CREATE, DNS_RECORD, f"club.example-{name}", type="TXT")) for name in names]
    assert said == ["SPF record", "DKIM record", "MTA-STS record", "TLSRPT record", "BIMI record"]


def test_a_zone_that_waits_for_its_registrar_is_no_drift_and_one_that_was_switched_off_is() -> None:
    def signing(status: str) -> Change:
        zone = "cloudflare:index/zoneDnssec:ZoneDnssec"
        return Change(Verb.CHANGE, zone, "club.example", {"status": status}, {"status": "active"})

    off, record = signing("disabled"), of(Verb.CHANGE, DNS_RECORD, type="A")
    found = without_waiting(Preview([signing("pending"), off, record], unchanged=3))
    assert (list(found.changes), found.unchanged) == ([off, record], 4)


def test_a_kind_that_is_not_known_is_called_as_its_provider_calls_it() -> None:
    assert kind(of(Verb.CREATE, "aws:s3/bucket:Bucket")) == "Bucket"


def test_a_relays_records_are_neither_the_domains_dkim_key_nor_its_mx() -> None:
    its = [
        of(Verb.DESTROY, DNS_RECORD, "s1._domainkey.example.com-relay-cname", name="s1._domainkey.example.com"),
        of(Verb.DESTROY, DNS_RECORD, "back.example.com-relay-mx-2", name="back.example.com", type="MX"),
    ]
    assert list(marks(its)) == []
