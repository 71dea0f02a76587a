"""DKIM keys change with overlap while mail goes out, and whoever gets it can check each signature."""

import json
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from model.dkim_rotation import KEPT
from model.records import is_revoked_dkim, txt_value
from offline.sandbox import world
from operate.verify.authentication import authentication_results
from tests.engine.conftest import DOMAIN, HOST, NAME, SECOND
from tests.engine.test_changes import plan, touched
from tests.support import clouds
from tests.support.flow import Flow
from tests.support.mailbox import PROVIDER
from tests.support.stack import Stack

SWITCH, SECOND_SWITCH = f"Command dkim-{DOMAIN}-switch", f"Command dkim-{SECOND}-switch"


@pytest.fixture(scope="module", autouse=True)
def flow(deployed: Stack) -> Iterator[Flow]:
    """Somebody who sends mail to another provider, from the first step to the last."""
    # The second is longer than a deploy waits (90 s), even when one that is killed and one that mends it come first.
    domains = [{"name": DOMAIN, "ttl": 60}, {"name": SECOND, "ttl": 240}]
    deployed.configure(domains=domains)
    deployed.up()
    clouds.forget_answers()
    with Flow(deployed, world.OTHER_MAILBOX, pause=1) as found:
        yield found


def key(stack: Stack, domain: str) -> dict[str, Any]:
    """What the outputs tell of a domain's key."""
    found: dict[str, Any] = stack.outputs()["domains"][domain]
    return found


def selector(stack: Stack, domain: str) -> str:
    """That of the key which Poste signs with."""
    return stack.on_server(f"cat /mnt/poste/data/domains/{domain}/selector").strip()


def published(name: str) -> str:
    """The text of the one record at a name."""
    (answer,) = clouds.ask(name, "TXT")
    return txt_value(answer)


def mended(stack: Stack) -> None:
    """Bring a deploy that was killed to its end."""
    stack.mail("repair", "--stack", NAME, "--yes")
    stack.up()


def a_week_later(stack: Stack, domain: str) -> None:
    """Have it that the switch was made a week ago: in what the server has noted, and in what the state has of that."""
    note = f"/mnt/poste/dkim/{domain}/progress.json"
    noted = json.loads(stack.on_server(f"cat {note}"))
    text = json.dumps(noted | {"since": noted["since"] - KEPT})
    stack.on_server(f"printf %s '{text}' >{note}")
    whole = json.loads(stack.run("stack", "export", "--stack", stack.name))
    moments = {f"dkim-{domain}": ("at",), f"dkim-{domain}-switch": ("since", "due")}
    for found in whole["deployment"]["resources"]:
        if "stdout" in found.get("outputs", {}) and (names := moments.get(found["urn"].rpartition("::")[2])):
            told = json.loads(found["outputs"]["stdout"])
            found["outputs"]["stdout"] = json.dumps(told | {name: told[name] - KEPT for name in names})
    stack.run("stack", "import", "--stack", stack.name, stdin=json.dumps(whole))


@pytest.mark.parametrize("at", [f"Command dkim-{DOMAIN} updating", f"DnsRecord {DOMAIN}-dkim-1 creating"])
def test_a_rotation_that_is_killed_before_the_switch_signs_with_the_old_key(deployed: Stack, at: str) -> None:
    before = key(deployed, DOMAIN)
    deployed.configure(dkimRotation=1)
    deployed.killed_up(at)
    assert selector(deployed, DOMAIN) == before["dkimName"].split(".")[0]
    assert published(before["dkimName"]) == before["dkimValue"]
    deployed.mail("repair", "--stack", NAME, "--yes")


def test_a_short_ttl_is_waited_for_and_a_kill_meanwhile_loses_nothing(deployed: Stack) -> None:
    old = key(deployed, DOMAIN)
    deployed.killed_up(f"{SWITCH} creating")
    mended(deployed)
    new = key(deployed, DOMAIN)
    assert new["dkimRotation"]["phase"] == "signing"
    assert new["dkimName"] > old["dkimName"]
    assert (published(new["dkimName"]), published(old["dkimName"])) == (new["dkimValue"], old["dkimValue"])
    assert selector(deployed, DOMAIN) == new["dkimName"].split(".")[0]


def test_a_longer_one_is_said_and_too_early_a_deploy_changes_nothing(deployed: Stack) -> None:
    waiting = key(deployed, SECOND)["dkimRotation"]
    assert waiting["phase"] == "waiting"
    if time.time() < waiting["due"] - 20:
        assert f"DKIM key 1 of {SECOND} is published; it signs from" in deployed.run(
            "preview", "--expect-no-changes", "--stack", NAME
        )
    time.sleep(max(0, waiting["due"] - time.time()) + 1)
    assert touched(plan(deployed), "update") == {SECOND_SWITCH}
    deployed.killed_up(f"{SECOND_SWITCH} updating")
    mended(deployed)
    assert key(deployed, SECOND)["dkimRotation"]["phase"] == "signing"
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_the_next_rotation_waits_for_the_former_key_to_be_revoked(deployed: Stack) -> None:
    with deployed.other_settings(dkimRotation=2):
        assert f"the former DKIM key of {DOMAIN} is not revoked yet" in deployed.refused()
    with deployed.other_settings(dkimRotation=0):
        assert "does not come back. Expected 1" in deployed.refused()


def test_a_week_later_the_former_key_is_revoked_and_no_longer_protected(deployed: Stack) -> None:
    for domain in (DOMAIN, SECOND):
        a_week_later(deployed, domain)
    former = key(deployed, DOMAIN)["dkimRotation"]["otherName"]
    due = touched(plan(deployed), "update")
    assert due >= {SWITCH, SECOND_SWITCH, f"DnsRecord {DOMAIN}-dkim", f"DnsRecord {SECOND}-dkim"}
    deployed.killed_up(f"DnsRecord {DOMAIN}-dkim updating")
    mended(deployed)
    assert is_revoked_dkim(published(former))
    assert '"private": ""' in deployed.on_server(f"cat /mnt/poste/dkim/{DOMAIN}/0.json")
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_the_next_rotation_drops_the_revoked_key_of_a_protected_stack(deployed: Stack) -> None:
    gone = key(deployed, DOMAIN)["dkimRotation"]["otherName"]
    deployed.configure(dkimRotation=2, domains=[{"name": DOMAIN, "ttl": 60}, {"name": SECOND, "ttl": 60}])
    deployed.up()
    assert not clouds.ask(gone, "TXT")
    assert {key(deployed, domain)["dkimRotation"]["phase"] for domain in (DOMAIN, SECOND)} == {"signing"}
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_every_message_of_all_that_time_came_with_a_signature_that_holds(deployed: Stack, flow: Flow) -> None:
    sent = list(flow.acknowledged)
    assert len(sent) > 60
    judged = {subject: dkim_of(PROVIDER.wait_for(subject, 240)) for subject in sent}
    # What the provider could not look up just then, as on a busy machine, it says nothing of (RFC 8601, section 2.7.1).
    told = {subject: found for subject, found in judged.items() if found != "temperror"}
    assert len(told) > 60
    assert set(told.values()) == {"pass"}, {subject: found for subject, found in told.items() if found != "pass"}


def dkim_of(message: EmailMessage) -> str:
    """What the provider makes of a message's DKIM signature."""
    return authentication_results(message, [HOST], [world.OTHER_HOST]).get("dkim", "not said")
