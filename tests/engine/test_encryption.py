"""What senders are told about encryption, looked at by a provider who heeds it: MTA-STS and DANE.

From here to the end of the scenario the zone is signed and its parent knows it.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

from model.server_folders import CERTIFICATES
from tests.engine.conftest import ADMIN, DOMAIN, HOST, SECOND
from tests.support import clouds
from tests.support.certificates import the_one
from tests.support.mailbox import PROVIDER
from tests.support.stack import Stack

ELSEWHERE = (
    "cd /mnt/poste/data/ssl && cp -p server.key server.crt /root && openssl req -x509 -newkey ec -pkeyopt "
    "ec_paramgen_curve:P-256 -nodes -subj /CN=elsewhere.example -days 9 -keyout /tmp/server.key -out /tmp/server.crt "
    "2>/dev/null && cat /tmp/server.key >server.key && cat /tmp/server.crt >server.crt && docker restart poste"
)
BACK = "cd /mnt/poste/data/ssl && cp -p /root/server.key /root/server.crt . && docker restart poste"


@dataclass(frozen=True)
class Sent:
    """A mail of the other provider's, and how many it had delivered to the same mailbox before."""

    subject: str
    before: int


def send() -> Sent:
    """Have the other provider send a mail."""
    message = EmailMessage()
    message["From"], message["To"] = PROVIDER.address, ADMIN
    message["Subject"] = subject = f"encrypted-{time.time_ns()}"
    message.set_content("Who are you?")
    before = len(clouds.protections(ADMIN))
    PROVIDER.send(message)
    return Sent(subject, before)


def arrives(stack: Stack, sent: Sent) -> str:
    """Wait for a mail; how the other provider knew the server that took it."""
    stack.mailbox().wait_for(sent.subject, 180)
    # Its log may be later than the mail.
    (level,) = clouds.eventually(lambda: clouds.protections(ADMIN)[sent.before :], 60)
    return level


@contextlib.contextmanager
def another_certificate(stack: Stack) -> Iterator[None]:
    """Poste serves a certificate that nobody trusts, for another name and another key."""
    stack.on_server(ELSEWHERE)
    before = stack.outputs()["ipv4"]
    clouds.until_open(before, [25], {25})
    try:
        yield
    finally:
        stack.on_server(BACK)
        clouds.until_open(before, [25], {25})


def stops_and_goes_on(stack: Stack) -> None:
    """Mail waits at the other provider while the wrong certificate is served, and arrives when the right one is."""
    with another_certificate(stack):
        sent = send()
        # While it is tried there is no reason yet, and a server that is just back has another one.
        clouds.eventually(lambda: "Server certificate not verified" in clouds.held_back().get(ADMIN, ""), 180)
        assert stack.mailbox().take_patiently(sent.subject) is None
    clouds.try_again()
    assert arrives(stack, sent) == "Verified"


def test_a_policy_that_is_tested_stops_no_mail(deployed: Stack) -> None:
    clouds.forget_policies()
    with another_certificate(deployed):
        assert arrives(deployed, send()) == "Untrusted"
    assert arrives(deployed, send()) == "Trusted"


def test_a_policy_that_is_enforced_lets_mail_in_by_a_trusted_certificate_only(deployed: Stack) -> None:
    deployed.configure(mtaSts="enforce")
    deployed.up()
    clouds.forget_answers()
    clouds.forget_policies()
    assert arrives(deployed, send()) == "Verified"
    stops_and_goes_on(deployed)


def test_a_policy_that_senders_enforce_is_left_by_way_of_none_and_a_week(deployed: Stack) -> None:
    deployed.configure(mtaSts=None)
    assert "Set none first and deploy that" in deployed.refused()
    deployed.configure(mtaSts="none")
    deployed.up()
    deployed.configure(mtaSts=None)
    assert "Leave none as it is until " in deployed.refused()
    clouds.forget_answers()
    clouds.forget_policies()
    with another_certificate(deployed):
        assert arrives(deployed, send()) == "Untrusted"


def let_a_week_pass(stack: Stack) -> None:
    """Let the state say that enforce ended eight days earlier than it did."""
    state = json.loads(stack.run("stack", "export", "--stack", stack.name))
    for resource in state["deployment"]["resources"]:
        if resource["type"] == "poste-mail:index:SenderPolicy":
            then = time.time() - 8 * 86400
            resource["outputs"]["ended"] = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(then))
    stack.run("stack", "import", "--stack", stack.name, stdin=json.dumps(state))


def hosts() -> set[str]:
    """The hosts of the first two domains that a Worker serves."""
    labels = ("mta-sts", "autoconfig", "autodiscover")
    return {f"{label}.{domain}" for label in labels for domain in (DOMAIN, SECOND)}


def test_the_worker_goes_with_its_settings_and_leaves_nothing(deployed: Stack) -> None:
    let_a_week_pass(deployed)
    there = {name for zone in (DOMAIN, SECOND) for name, *_ in clouds.zone_records(zone)}
    assert hosts() <= there
    deployed.configure(mtaSts=None, clientSetup=None)
    deployed.up()
    left = {name for zone in (DOMAIN, SECOND) for name, *_ in clouds.zone_records(zone)}
    assert there - left == hosts() | {f"_mta-sts.{domain}" for domain in (DOMAIN, SECOND)}
    kinds = {resource["type"] for resource in deployed.resources()}
    assert not {kind for kind in kinds if "workers" in kind.lower()}
    deployed.configure(mtaSts="testing", clientSetup=True)
    deployed.up()
    assert {name for zone in (DOMAIN, SECOND) for name, *_ in clouds.zone_records(zone)} == there


def test_a_zone_whose_ds_record_was_forgotten_works_and_the_next_steps_name_it(deployed: Stack) -> None:
    assert clouds.validated(f"mail.{DOMAIN}", "A") == ("NOERROR", False)
    assert DOMAIN in deployed.outputs()["nextSteps"][-1]
    assert not clouds.ask(f"_25._tcp.{HOST}", "TLSA")


def test_once_the_parent_vouches_for_the_zone_the_next_deploy_publishes_the_keys(deployed: Stack) -> None:
    clouds.tell_registrar(DOMAIN, deployed.outputs()["dnssec"][DOMAIN].partition(" DS ")[2])
    assert clouds.validated(HOST, "A") == ("NOERROR", True)
    deployed.up()
    clouds.forget_answers()
    records = keys()
    assert the_one(deployed.outputs()["ipv4"], HOST).key in records
    assert len(records) == 2
    assert arrives(deployed, send()) == "Verified"
    stops_and_goes_on(deployed)


def keys() -> set[str]:
    """What the TLSA records say of the keys at port 25."""
    return {record.rpartition(" ")[2] for record in clouds.ask(f"_25._tcp.{HOST}", "TLSA")}


def test_the_next_key_takes_its_turn_without_a_moment_in_which_none_fits(deployed: Stack) -> None:
    before, address = keys(), deployed.outputs()["ipv4"]
    first = the_one(address, HOST).key
    deployed.configure(certificateKeyRotation=1)
    text = deployed.run("up", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
    assert "too young for the key to be used. Deploy again after" in text
    assert the_one(address, HOST).key == first
    deployed.on_server(
        f"python3 -c \"import json, pathlib; file = pathlib.Path('{CERTIFICATES}/keys.json'); "
        "known = json.loads(file.read_text()); file.write_text(json.dumps(known | {'made': 0}))\""
    )
    deployed.up()
    (second,) = before - {first}
    assert the_one(address, HOST).key == second
    assert second in keys()
    assert first not in keys()
    assert arrives(deployed, send()) == "Verified"


def test_a_zone_is_not_left_unsigned_while_its_parent_vouches_for_it(deployed: Stack) -> None:
    with deployed.other_settings(dnssec=None, unprotected=["records"]):
        assert f"the parent of {DOMAIN} has a DS record" in deployed.refused()
