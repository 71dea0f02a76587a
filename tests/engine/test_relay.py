"""The relay is turned on and off by plain deploys, with Hetzner's block on outgoing mail and without.

The sandbox's relay does what relays do: it wants a password, passes mail on under a sender of its own, signs as the
author's domain, and now and then refuses, puts off, or changes what it gets.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from offline.sandbox import world
from tests.engine.conftest import DOMAIN, SECOND, waiting_mail
from tests.engine.test_changes import plan
from tests.support import clouds
from tests.support.flow import Flow
from tests.support.mailbox import PROVIDER, letter
from tests.support.poste_route import INI, ROUTES, routes
from tests.support.stack import Stack
from tests.support.watch import missing

SPF_TERM = f"include:spf.{world.RELAY_DOMAIN}"
WRONG = "sandbox-Relay-0"


def record(domain: str) -> dict[str, str]:
    """What the relay wants in a domain: its own key under the domain's name."""
    selector = world.RELAY_SELECTOR
    content = f"{selector}.domainkey.{world.RELAY_DOMAIN}"
    return {"name": f"{selector}._domainkey.{domain}", "type": "CNAME", "content": content}


def set_relay(stack: Stack, password: str, **changes: Any) -> None:
    """Set the relay as a person does."""
    relay = {
        "host": world.RELAY_HOST,
        "user": world.RELAY_USER,
        "senders": [SPF_TERM],
        "records": [record(DOMAIN), record(SECOND)],
    }
    stack.configure(relay=relay | changes)
    path = "poste-mail:relay.password"
    stack.run("config", "set", "--secret", "--path", path, "--stack", stack.name, stdin=password)


def way(headers: Any) -> str:
    """All that servers on a message's way have noted, oldest last."""
    return " ".join(" ".join(headers.get_all("Received")).split())


def results(headers: Any) -> str:
    """What the other provider found out about a message."""
    return " ".join(str(headers["Authentication-Results"]).split())


def sent(stack: Stack, subject: str, seconds: float = 180) -> Any:
    """Send the other provider a mail; as it arrives there."""
    stack.mailbox().send(letter(stack.mailbox().address, subject))
    return PROVIDER.wait_for(subject, seconds)


def reaches(stack: Stack, address: str, port: int) -> bool:
    """Whether the server gets a connection."""
    command = f"timeout 4 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo reached || true"
    return bool(stack.on_server(command))


def server_side(stack: Stack) -> str:
    """What a change of the relay on the server could not leave as it is."""
    return stack.on_server(
        f"sha256sum {INI}; stat -c '%a %U %G %Y' {INI}; docker exec poste cat {ROUTES}; "
        "docker exec poste s6-svstat -o pid /run/s6/services/haraka-smtp; "
        "docker inspect -f '{{.State.StartedAt}}' poste"
    )


def verified(stack: Stack, only: str) -> dict[str, tuple[str, str]]:
    """Status and finding of each check; a server that had no time to answer is asked again."""

    def look() -> dict[str, tuple[str, str]]:
        done = stack.mail("verify", "--stack", stack.name, "--json", "--only", only)
        assert done.stdout, done.stderr
        results = json.loads(done.stdout)["results"]
        assert "unknown" not in {result["status"] for result in results}, results
        return {result["check"]: (result["status"], result["found"]) for result in results}

    return clouds.eventually(look, 90)


@pytest.fixture(scope="module", autouse=True)
def unblocked() -> Iterator[None]:
    """However a test ends, mail may leave afterwards."""
    yield
    clouds.outbound_mail(True)


def test_a_relay_that_refuses_the_sign_in_ends_the_deploy_with_mail_going_as_before(deployed: Stack) -> None:
    before = server_side(deployed)
    set_relay(deployed, WRONG)
    text = deployed.run("up", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
    assert f"refuses the sign-in of {world.RELAY_USER}: 535" in text
    assert WRONG not in text
    assert server_side(deployed) == before
    assert world.RELAY_HOST not in way(sent(deployed, "the relay has refused"))


def test_on_and_off_are_plain_deploys_by_which_no_mail_is_lost_even_while_hetzner_blocks(deployed: Stack) -> None:
    """What waits because of the block leaves through the relay."""
    clouds.outbound_mail(False)
    assert world.OTHER_MAILBOX in waiting_mail(deployed, "waits for the relay")
    set_relay(deployed, world.RELAY_PASSWORD)
    with Flow(deployed, world.OTHER_MAILBOX, pause=2) as flow:
        text = deployed.up("--policy-pack", "policy")
    assert world.RELAY_PASSWORD not in text
    assert missing(lambda: PROVIDER, ["waits for the relay", *flow.acknowledged]) == []
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)


def test_what_it_passes_on_is_authenticated_by_both_signatures_and_its_own_sender(deployed: Stack) -> None:
    taken = clouds.relay_books()["taken"]
    arrived = sent(deployed, "through the relay")
    assert clouds.relay_books()["taken"] > taken
    assert f"from {world.RELAY_HOST} " in way(arrived)
    assert f"from {deployed.outputs()['mailHost']} ([" in way(arrived)
    found = results(arrived)
    assert "dmarc=pass" in found
    assert f"header.d={DOMAIN} header.s={world.RELAY_SELECTOR}" in found
    assert len(re.findall(rf"dkim=pass header\.d={re.escape(DOMAIN)} ", found)) == 2
    assert f"@bounces.{world.RELAY_DOMAIN}" in found


def test_verify_holds_on_the_way_through_the_relay(deployed: Stack) -> None:
    found = verified(deployed, "relay,outbound,mail.out,dns.spf")
    assert {status for status, _ in found.values()} == {"ok"}, found
    assert {"relay.sign-in", "relay.route", "relay.direct", "mail.out"} <= found.keys()
    assert "outbound.port-25" not in found


def test_verify_tells_of_a_sign_in_that_is_refused_and_of_a_route_that_somebody_has_changed(deployed: Stack) -> None:
    with clouds.relay_trouble(refuse=True):
        status, found = verified(deployed, "relay")["relay.sign-in"]
    assert (status, "535" in found) == ("fail", True)
    deployed.on_server(f"sed -i s/{world.RELAY_PASSWORD}/{WRONG}/ {INI}")
    try:
        assert verified(deployed, "relay")["relay.route"][0] == "fail"
    finally:
        deployed.on_server(f"sed -i s/{WRONG}/{world.RELAY_PASSWORD}/ {INI}")
    assert verified(deployed, "relay")["relay.route"][0] == "ok"


def test_its_records_stand_in_both_domains(deployed: Stack) -> None:
    for domain in (DOMAIN, SECOND):
        wanted = record(domain)
        assert clouds.ask(wanted["name"], "CNAME") == {f"{wanted['content']}."}
        (policy,) = [text for text in clouds.ask(domain, "TXT") if "v=spf1" in text]
        assert SPF_TERM in policy


def test_the_server_reaches_the_relays_port_and_no_other_by_which_mail_leaves(deployed: Stack) -> None:
    """Even where Hetzner blocks nothing: a stolen server sends no mail past the relay."""
    clouds.outbound_mail(True)
    clouds.eventually(lambda: all(reaches(deployed, address, 587) for address in world.RELAY), 60)
    open_directly = [
        (address, port)
        for address in (*world.PROVIDER, *world.RELAY)
        for port in (25, 465, 2525)
        if reaches(deployed, address, port)
    ]
    assert open_directly == []


def test_mail_that_the_relay_puts_off_arrives_later(deployed: Stack) -> None:
    with clouds.relay_trouble(throttle=2):
        sent(deployed, "put off", 240)
        assert clouds.relay_books()["throttle"] == 0


def test_while_nobody_can_sign_in_mail_waits_and_does_not_go_another_way(deployed: Stack) -> None:
    with clouds.relay_trouble(refuse=True):
        assert world.OTHER_MAILBOX in waiting_mail(deployed, "nobody signs in")
        assert PROVIDER.take_patiently("nobody signs in") is None
    assert world.RELAY_HOST in way(PROVIDER.wait_for("nobody signs in", 240))


def test_mail_that_the_relay_does_not_want_comes_back_with_its_reason(deployed: Stack) -> None:
    with clouds.relay_trouble(reject=True):
        deployed.mailbox().send(letter(deployed.mailbox().address, "not wanted"))
        bounce = deployed.mailbox().wait_for("Mail delivery failed: returning message to sender", 180)
    assert "554 5.7.1 Message rejected" in bounce.as_string()


def test_a_body_that_the_relay_changes_breaks_the_servers_signature_and_the_relays_holds(deployed: Stack) -> None:
    with clouds.relay_trouble(rewrite=True):
        found = results(sent(deployed, "with a footer"))
        status, told = verified(deployed, "mail.out")["mail.out"]
    assert (status, "the relay rewrites bodies" in told) == ("ok", True)
    assert re.search(rf"dkim=(fail|reject)[^;]* header\.d={re.escape(DOMAIN)}", found)
    assert re.search(rf"dkim=pass header\.d={re.escape(DOMAIN)} header\.s={world.RELAY_SELECTOR}", found)
    assert "dmarc=pass" in found


def test_the_password_is_for_poste_alone(deployed: Stack) -> None:
    """No file that others can read has it, no output, and no state in clear."""
    search = f"grep -rlIsF {world.RELAY_PASSWORD}"
    assert INI in deployed.on_server(f"{search} {INI}")
    for place in ("runuser -u nobody --", "docker exec -u nobody poste"):
        folders = "/data /etc /opt /run /tmp /var" if "docker" in place else "/etc /mnt /opt /root /run /tmp /var"
        assert deployed.on_server(f"{place} {search} {folders} || true") == ""
    # On the server itself whatever mode Poste gives the file.
    assert deployed.on_server("stat -c %a /mnt/poste").strip() == "700"
    assert world.RELAY_PASSWORD not in deployed.run("stack", "export", "--stack", deployed.name)
    assert world.RELAY_PASSWORD not in str(deployed.outputs())


def test_without_it_mail_leaves_directly_again_and_nothing_of_it_is_left(deployed: Stack) -> None:
    deployed.configure(relay=None)
    assert plan(deployed)["Command relay"] == "update"
    with Flow(deployed, world.OTHER_MAILBOX, pause=2) as flow:
        deployed.up()
    assert missing(lambda: PROVIDER, flow.acknowledged) == []
    assert world.RELAY_HOST not in way(sent(deployed, "directly again"))
    clouds.eventually(lambda: reaches(deployed, world.PROVIDER.ipv4, 25), 60)
    assert not reaches(deployed, world.RELAY.ipv4, 2525)
    assert routes(deployed) == ""
    for domain in (DOMAIN, SECOND):
        assert clouds.ask(record(domain)["name"], "CNAME") == set()
        assert SPF_TERM not in str(clouds.ask(domain, "TXT"))
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)
