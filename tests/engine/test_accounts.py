"""Mailboxes and aliases as configuration, on real mail: made, used, changed by their owners, taken off, deleted."""

import json
import re
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from operate.verify.mailbox import MailboxError, Server
from tests.engine.conftest import DOMAIN, SECOND
from tests.engine.test_verify import findings, not_ok, shows
from tests.support import clouds
from tests.support.mailbox import PROVIDER, SandboxMailbox
from tests.support.stack import Stack

ANN, BEN, TEAM = f"ann@{DOMAIN}", f"ben@{DOMAIN}", f"team@{DOMAIN}"
PASSWORDS = {ANN: "Anns-first-10", BEN: "Bens-service-1"}
OWN = "Anns-own-choice-2"
"""What Ann takes for her password herself."""

TALK = """
import json, smtplib, sys
server = smtplib.SMTP(sys.argv[1], timeout=60)
server.ehlo("mx.other.example")
server.mail("user@other.example")
print(json.dumps([server.rcpt(address)[0] for address in sys.argv[2:]]))
"""


def domains(*boxes: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The setting, with these mailboxes in the first domain."""
    return [{"name": DOMAIN, "mailboxes": list(boxes), **more}, {"name": SECOND, "catchAll": ANN}]


def ann(**more: Any) -> dict[str, Any]:
    return {"address": ANN, "name": "Ann", **more}


def ben(**more: Any) -> dict[str, Any]:
    return {"address": BEN, "password": "always", **more}


@pytest.fixture(scope="module", autouse=True)
def people(deployed: Stack) -> Iterator[None]:
    """A mailbox of a person and one of a service, an alias, and a catch-all in the other domain."""
    deployed.set_passwords(PASSWORDS)
    deployed.configure(domains=domains(ann(), ben(), aliases={TEAM: [ANN, PROVIDER.address]}))
    deployed.up()
    yield
    deployed.configure(domains=[{"name": DOMAIN}, {"name": SECOND}], passwords=None, deleteMailboxes=None)
    deployed.up()


def box(stack: Stack, address: str, password: str) -> SandboxMailbox:
    outputs = stack.outputs()
    return SandboxMailbox(address, password, Server(outputs["mailHost"], outputs["ipv4"]))


def letter(sender: str, to: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content("Is anybody there?")
    return message


def answers(stack: Stack, *addresses: str) -> list[int]:
    """What a stranger's mail server is told of these recipients."""
    command = ["docker", "exec", clouds.OUTSIDE, "python3", "-c", TALK, stack.outputs()["ipv4"], *addresses]
    found: list[int] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def may_sign_in(stack: Stack, address: str, password: str) -> bool:
    try:
        box(stack, address, password).take("no such subject")
    except MailboxError:
        return False
    return True


def signs_in(stack: Stack, address: str, password: str) -> None:
    """Whoever has this password gets in."""
    box(stack, address, password).take_patiently("no such subject")


def by_hand(stack: Stack, method: str, path: str, body: dict[str, Any]) -> None:
    """Change something in Poste as in its administration."""
    stack.on_server(
        "python3 - <<'E'\n"
        "import sys; sys.path.insert(0, '/opt/poste-mail')\n"
        "import administrator, json\n"
        "from poste_http import Poste\n"
        "poste = Poste('https://127.0.0.1:443', *administrator.known())\n"
        f"assert poste.api('{method}', '{path}', json.loads('{json.dumps(body)}')).status < 300\n"
        "E"
    )


def test_people_sign_in_and_write_to_each_other_and_a_second_deploy_changes_nothing(deployed: Stack) -> None:
    box(deployed, ANN, PASSWORDS[ANN]).send(letter(ANN, BEN, "from-ann-to-ben"))
    assert box(deployed, BEN, PASSWORDS[BEN]).wait_for("from-ann-to-ben", 90)["From"] == ANN
    deployed.up("--expect-no-changes")
    shows(lambda: not_ok(deployed, "accounts"), [])


def test_aliases_and_the_catch_all_lead_to_everyone_they_name_and_the_roles_to_the_administrator(
    deployed: Stack,
) -> None:
    for to, subject in ((TEAM, "to-the-team"), (f"whoever@{SECOND}", "caught"), (f"abuse@{SECOND}", "a-complaint")):
        PROVIDER.send(letter(PROVIDER.address, to, subject))
    for subject in ("to-the-team", "caught"):
        box(deployed, ANN, PASSWORDS[ANN]).wait_for(subject, 180)
    PROVIDER.wait_for("to-the-team", 180)
    deployed.mailbox().wait_for("a-complaint", 180)
    assert answers(deployed, f"nobody@{DOMAIN}", f"postmaster@{DOMAIN}") == [550, 250]


def test_a_full_mailbox_refuses_for_now_and_a_disabled_one_for_good(deployed: Stack) -> None:
    deployed.configure(domains=domains(ann(quotaMessages=1), ben(disabled=True)))
    deployed.up()
    assert not may_sign_in(deployed, BEN, PASSWORDS[BEN])
    PROVIDER.send(letter(PROVIDER.address, ANN, "fits"))
    clouds.eventually(lambda: deployed.on_server(f"grep -rl fits /mnt/poste/data/domains/{DOMAIN}/ann || true"), 180)
    full, disabled = answers(deployed, ANN, BEN)
    assert 400 <= full < 500
    assert disabled == 550
    deployed.configure(domains=domains(ann(quotaMessages=0), ben(disabled=False)))
    deployed.up()
    assert answers(deployed, ANN, BEN) == [250, 250]
    signs_in(deployed, BEN, PASSWORDS[BEN])


def test_a_password_that_its_owner_changed_stays_through_three_deploys_and_a_services_does_not(
    deployed: Stack,
) -> None:
    for address in (ANN, BEN):
        by_hand(deployed, "PATCH", f"/boxes/{address}", {"passwordPlaintext": OWN})
    for change in ({"name": "Ann B."}, {"quotaMb": 500}, {}):
        deployed.configure(domains=domains(ann(**change), ben(quotaMb=100 + len(change))), rerun=None)
        deployed.up()
    signs_in(deployed, ANN, OWN)
    assert not may_sign_in(deployed, ANN, PASSWORDS[ANN])
    signs_in(deployed, BEN, PASSWORDS[BEN])


def test_who_is_taken_off_cannot_sign_in_keeps_all_mail_and_may_come_back(deployed: Stack) -> None:
    box(deployed, ANN, OWN).send(letter(ANN, ANN, "kept-while-taken-off"))
    clouds.eventually(lambda: deployed.on_server(f"grep -rl kept-while /mnt/poste/data/domains/{DOMAIN} || true"), 120)
    deployed.configure(domains=[{"name": DOMAIN, "mailboxes": [ben()]}, {"name": SECOND}])
    preview = deployed.run("preview", "--stack", deployed.name)
    assert f"{ANN} is taken off: its mailbox is disabled and keeps its mail" in preview
    deployed.up()
    assert not may_sign_in(deployed, ANN, OWN)
    assert answers(deployed, ANN) == [550]
    deployed.configure(domains=domains(ann(), ben()))
    deployed.up()
    assert box(deployed, ANN, OWN).wait_for("kept-while-taken-off", 60)


def test_what_poste_has_is_taken_over_as_it_is_and_what_is_not_named_is_listed_and_left(deployed: Stack) -> None:
    carl, dora = f"carl@{DOMAIN}", f"dora@{DOMAIN}"
    for address in (carl, dora):
        made = {"email": address, "name": "By hand", "passwordPlaintext": OWN}
        by_hand(deployed, "POST", "/boxes", made)
    deployed.configure(domains=domains(ann(), ben(), {"address": carl}))
    deployed.up()
    for address in (carl, dora):
        signs_in(deployed, address, OWN)
    assert dora in json.dumps(findings(deployed, "accounts"))


def test_who_is_named_for_it_is_deleted(deployed: Stack) -> None:
    deployed.configure(domains=domains(ann()), deleteMailboxes=[BEN, f"carl@{DOMAIN}", f"dora@{DOMAIN}"])
    assert f"{BEN} is named in deleteMailboxes" in deployed.run("preview", "--stack", deployed.name)
    deployed.up()
    assert deployed.on_server(f"ls /mnt/poste/data/domains/{DOMAIN}").split().count("ben") == 0
    assert answers(deployed, BEN) == [550]


def test_five_hundred_people_are_there_within_a_minute(deployed: Stack) -> None:
    people = [f"p{number}@{DOMAIN}" for number in range(500)]
    deployed.set_passwords(dict.fromkeys([ANN, *people], OWN))
    folder = deployed.folder / "accounts"
    folder.mkdir(exist_ok=True)
    file = folder / f"{deployed.name}.yaml"
    file.write_text(json.dumps({DOMAIN: {"mailboxes": [{"address": address, "name": address} for address in people]}}))
    text = deployed.up()
    file.unlink()
    signs_in(deployed, people[-1], OWN)
    # What is not for the people takes as long as the machine's other work lets it.
    took = re.search(rf"Command accounts-{DOMAIN} updated \((\d+)s\)", text)
    assert took, text
    assert int(took[1]) < 60
