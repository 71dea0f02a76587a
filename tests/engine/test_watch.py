"""The server watches itself: each trouble raises its own alarm within two rounds, is told, and is over when it is."""

import json
import re
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from model.server_folders import BACKUP, DATA, VOLUME, WATCH
from offline.sandbox import world
from tests.engine.conftest import DOMAIN, HOST
from tests.engine.test_backup import verified
from tests.support import clouds
from tests.support.stack import Stack

STUCK = "stuck.example"
"""A domain whose mail server does not answer."""
NOBODY = "198.51.100.99"
UNIT = "poste-watch"
STATE = "/etc/poste-mail/watch/state.json"
PING, TOPIC, HOOK = "/ping/0f6b-19aa", "/topic-of-the-mail", "/hook/77"
CHANNELS = {"url": PING, "ntfy": TOPIC, "webhook": HOOK}
WELL = {"method": "GET", "path": PING, "title": "", "body": ""}
FEW = {"queueLength": 2, "diskPercent": 97, "outgoingPerHour": 5}
"""Thresholds that a test reaches. The servers' own disks are this machine's, which may be fuller than by default."""

AGED = f"""python3 - <<'END'
import json
state = json.load(open("{STATE}"))
state["counts"]["sent"] = []
json.dump(state, open("{STATE}", "w"))
END"""
"""What was sent within the hour is an hour old."""
RELOADED = f"""cd /opt/poste-mail && python3 - <<'END'
import time
import served
served.reload("poste")
ports = [served.Port(25, "smtp", "STARTTLS"), served.Port(465, "submissions", "TLS"), served.Port(993, "imaps", "TLS")]
new = served.chain(open("{DATA}/ssl/server.crt").read())[:1]
for _ in range(120):
    if not served.wrong(ports, "{HOST}", new):
        break
    time.sleep(1)
END"""
"""Another certificate is served, on every port: one that is still to be restarted has the former one."""
WELL_AGAIN = """for i in $(seq 120); do
  health=$(docker inspect -f '{{.State.Health.Status}}' poste)
  [ "$health" = healthy ] && docker exec poste /healthcheck/dovecot.sh && break
  sleep 1
done"""
"""A service that has just been started greets, and Docker has seen it."""
EXPIRED = f"""cd {DATA}/ssl && cp -a server.crt kept.crt && cp -a server.key kept.key &&
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN={DOMAIN} \\
  -not_before 20250101000000Z -not_after 20250401000000Z -keyout server.key -out server.crt 2>/dev/null"""
RENEWED = f"cd {DATA}/ssl && mv kept.crt server.crt && mv kept.key server.key"
STALE = f"""python3 - <<'END'
import json
status = json.load(open("{BACKUP}/status.json"))
status["last_good"]["at"] += BY * 3600
json.dump(status, open("{BACKUP}/status.json", "w"))
END"""
FILLED = f"""fallocate -l "$(python3 -c 'import os; space = os.statvfs("{VOLUME}")
print((space.f_bavail - space.f_blocks // 100) * space.f_frsize)')" {VOLUME}/filler"""


@pytest.fixture(scope="module", autouse=True)
def told(deployed: Stack) -> Iterator[None]:
    """All three channels are told; rounds are made when a test makes them."""
    for channel, path in CHANNELS.items():
        key = f"poste-mail:heartbeat.{channel}"
        address = f"https://{world.ALERTS_HOST}{path}"
        deployed.run("config", "set", "--secret", "--path", key, "--stack", deployed.name, stdin=address)
    deployed.configure(watch=FEW)
    deployed.up()
    clouds.add_zone(STUCK)
    clouds.add_record(STUCK, STUCK, "MX", f"mail.{STUCK}")
    clouds.add_record(STUCK, f"mail.{STUCK}", "A", NOBODY)
    deployed.on_server(f"systemctl stop {UNIT}.timer")
    # What other tests have sent is counted first, and then an hour old; nothing of it waits.
    look(deployed)
    throw_away(deployed)
    yield
    deployed.on_server(f"systemctl start {UNIT}.timer")
    deployed.configure(watch=None, heartbeat=None)
    deployed.up()


def look(stack: Stack) -> list[dict[str, Any]]:
    """One round; the alarms that there are then."""
    stack.on_server(f"systemctl start {UNIT}.service")
    found: list[dict[str, Any]] = json.loads(stack.on_server(f"cat {WATCH}/status.json"))["alarms"]
    return found


def send(stack: Stack, recipient: str, number: int) -> None:
    """Have the administrator send messages."""
    mailbox = stack.mailbox()
    for count in range(number):
        message = EmailMessage()
        message["From"], message["To"] = mailbox.address, recipient
        message["Subject"] = f"watch-{count}-{time.time_ns()}"
        message.set_content("Is this seen?")
        mailbox.send(message)


def throw_away(stack: Stack) -> None:
    # A message that Poste is just trying to deliver stays where it is.
    command = "ls /data/queue/input | sed -n s/-H$//p | xargs -r exim4 -Mrm >/dev/null 2>&1; ls /data/queue/input"
    clouds.eventually(lambda: not stack.on_server(f"docker exec poste sh -c '{command}'").strip(), 180)
    stack.on_server(AGED)


def on_server(*commands: str) -> Callable[[Stack], None]:
    def work(stack: Stack) -> None:
        for command in commands:
            stack.on_server(command)

    return work


TROUBLE: dict[str, tuple[Callable[[Stack], None], Callable[[Stack], None], str, str]] = {
    "a stuck queue": (
        lambda stack: send(stack, f"ann@{STUCK}", 3), throw_away, "queue", "3 messages wait to leave, more than 2",
    ),
    "a full disk": (on_server(FILLED), on_server(f"rm {VOLUME}/filler"), "disk", r"The volume is (98|99|100) % full"),
    "a dead service": (
        # Each round is to see it down: it takes its time to end.
        on_server("docker exec poste s6-svc -wd -T 120000 -d /run/s6/services/dovecot"),
        on_server("docker exec poste s6-svc -u /run/s6/services/dovecot", WELL_AGAIN), "service",
        "Poste's service dovecot is down",
    ),
    "an expired certificate": (
        on_server(EXPIRED, RELOADED), on_server(RENEWED, RELOADED), "certificate",
        "The certificate on port 25, 465, 993 has expired",
    ),
    "a stale backup": (
        on_server(STALE.replace("BY", "-40")), on_server(STALE.replace("BY", "40")), "backup",
        r"The last good backup is \d\d h old, more than 36",
    ),
    "a stolen account": (
        lambda stack: send(stack, stack.mailbox().address, 6), on_server(AGED), "outgoing",
        "A mailbox sent 6 messages within an hour, more than 5",
    ),
}  # fmt: skip


def quiet(stack: Stack) -> None:
    """Rounds until there is no alarm, and one more, which says that all is well, and nothing else."""
    clouds.eventually(lambda: look(stack) == [], 180)
    clouds.forget_alerts()
    assert look(stack) == []
    assert once(clouds.alerts()) == [WELL]


def once(alerts: list[dict[str, str]]) -> list[dict[str, str]]:
    """Without what was sent again at once, since the answer came too late."""
    return [alert for place, alert in enumerate(alerts) if alert not in alerts[:place]]


def test_a_server_that_is_well_says_so_and_has_no_alarm(deployed: Stack) -> None:
    deployed.on_server(AGED)
    quiet(deployed)


@pytest.mark.parametrize("name", TROUBLE)
def test_each_trouble_raises_its_own_alarm_alone_is_told_and_is_silent_afterwards(deployed: Stack, name: str) -> None:
    cause, mend, kind, text = TROUBLE[name]
    clouds.eventually(lambda: look(deployed) == [], 180)
    clouds.forget_alerts()
    cause(deployed)
    try:
        raised = look(deployed) or look(deployed)
        got = clouds.alerts()
    finally:
        mend(deployed)
    assert [alarm["kind"] for alarm in raised] == [kind]
    line, host = str(raised[0]["text"]), deployed.outputs()["mailHost"]
    assert re.match(text, line)
    assert {"method": "POST", "path": f"{PING}/fail", "title": "", "body": line} in got
    assert {"method": "POST", "path": TOPIC, "title": host, "body": line} in got
    assert {"method": "POST", "path": HOOK, "title": "", "body": json.dumps({"text": f"{host}\n{line}"})} in got
    assert not re.search(r"@|\d+\.\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f:]+:", line)
    clouds.eventually(lambda: look(deployed) == [], 180)
    assert [told["body"] for told in once(clouds.alerts()) if told["path"] == TOPIC] == [line, f"Over: {line}"]
    quiet(deployed)


def test_who_cannot_be_told_is_an_alarm_within_two_rounds_and_hears_what_he_missed(deployed: Stack) -> None:
    clouds.eventually(lambda: look(deployed) == [], 180)
    clouds.alerts_unreachable(True)
    try:
        assert look(deployed) == []
        assert {alarm["kind"] for alarm in look(deployed)} == {"heartbeat"}
        # Without it, that alone would be what verify tells.
        deployed.on_server(f"systemctl start {UNIT}.timer")
        assert verified(deployed, "watch") == {"watch.alarms": "fail"}
    finally:
        clouds.alerts_unreachable(False)
    # The timer has begun a round, too, which may have come to nobody.
    clouds.eventually(lambda: look(deployed) == [], 180)
    assert verified(deployed, "watch") == {"watch.alarms": "ok"}


def test_the_addresses_stand_in_no_file_that_others_read_and_in_no_output(deployed: Stack) -> None:
    shown = json.dumps(deployed.outputs()) + json.dumps(deployed.resources())
    shown += deployed.on_server(f"cat {WATCH}/status.json; journalctl -u {UNIT} 2>/dev/null || true")
    assert not [path for path in CHANNELS.values() if path in shown]
    readable = deployed.on_server(
        "find /opt /etc /mnt/poste/watch -type f -perm /044 -exec grep -lF 0f6b-19aa {} +; true"
    )
    assert readable.strip() == ""
