"""A stack with the default settings is changed in every way that a setting can be, while the world watches.

Protected, host network, two domains in two zones, foreign records beside its own. One deploy serves all tests of this
file; they follow the rows of docs/changes.md. From the first to the last, the name servers' answers for MX, SPF, DKIM
and DMARC are never empty or wrong, and every mail that is sent arrives.
"""

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from model.records import txt_value
from tests.support import clouds
from tests.support.examples import openssh_key
from tests.support.images import IMAGE, digest, tag_again
from tests.support.stack import Stack
from tests.support.watch import Watch, missing

NAME, ZONE, SECOND, THIRD = "changing", "changing.example", "besides.example", "later.example"
HOST, NEW_HOST = f"mail.{ZONE}", f"post.{ZONE}"
ADMIN = f"admin@{ZONE}"


@pytest.fixture(scope="module")
def running(sandbox: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, protected as by default."""
    clouds.remove_all_of(NAME)
    for zone in (ZONE, SECOND, THIRD):
        clouds.add_zone(zone)
        clouds.remove_records(zone)
    clouds.add_record(ZONE, f"www.{ZONE}", "A", "198.51.100.80")
    clouds.add_record(ZONE, ZONE, "TXT", '"site-verification=abc"')
    stack = Stack(
        tmp_path_factory.mktemp(NAME),
        NAME,
        mailHost=HOST,
        domains=[{"name": ZONE}, {"name": SECOND}],
        adminAddress=ADMIN,
        protect=True,
        posteImage=f"{IMAGE}@{digest()}",
    )
    # A bad day to deploy on.
    with (
        clouds.faults(clouds.MIRROR, {"path": r"\.deb$", "status": 404}),
        clouds.faults(
            clouds.HETZNER,
            {"method": "POST", "path": "/servers$", "status": 429},
            {"method": "GET", "path": "/actions", "delay": 2, "times": 2},
        ),
        clouds.faults(
            clouds.CLOUDFLARE,
            {"method": "GET", "path": "/dns_records", "status": 500},
            {"method": "POST", "path": "/dns_records$", "status": 503, "times": 2},
            {"method": "POST", "path": "/dns_records$", "delay": 2},
        ),
    ):
        stack.up()
    yield stack
    stack.configure(protect=False)
    stack.up()
    stack.run("destroy", "--yes", "--skip-preview", "--stack", stack.name)


@pytest.fixture(scope="module", autouse=True)
def watch(running: Stack) -> Iterator[Watch]:
    """Somebody who looks on from outside, from the first change to the last."""
    outputs = running.outputs()
    expected: dict[tuple[str, str], set[str]] = {}
    for domain, key in outputs["domains"].items():
        expected |= {(name, kind): clouds.ask(name, kind) for name, kind in (
            (domain, "MX"), (domain, "TXT"), (f"_dmarc.{domain}", "TXT"), (key["dkimName"], "TXT"))}  # fmt: skip
    assert all(expected.values())
    # An earlier run's mail may still be in the sender's queue, which then has asked before there was an answer.
    clouds.forget_answers()
    with Watch(expected, ADMIN).running() as found:
        yield found


def plan(stack: Stack) -> dict[str, str]:
    """What a preview says that it does, by kind and name of the resource; what stays the same left out."""
    text = stack.run("preview", "--json", "--stack", stack.name)
    steps = json.loads(text[text.index("{") :])["steps"]
    return {
        f"{step['urn'].split('::')[2].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}": step["op"]
        for step in steps
        if step["op"] != "same"
    }


def touched(changes: dict[str, str], *ways: str) -> set[str]:
    """What a plan does in one of these ways."""
    return {name for name, way in changes.items() if way in ways}


REPLACING = ("replace", "create-replacement", "delete-replaced", "delete")


def change(stack: Stack, **config: Any) -> dict[str, str]:
    """Change settings and deploy, as a person does: what the preview said. A preview after it says nothing more."""
    stack.configure(**config)
    changes = plan(stack)
    stack.up()
    stack.run("preview", "--expect-no-changes", "--stack", stack.name)
    return changes


def greeting(stack: Stack) -> str:
    """With what name the server greets."""
    return stack.on_server(
        "timeout 10 sh -c 'exec 3<>/dev/tcp/127.0.0.1/25; head -n1 <&3' 2>/dev/null || "
        "python3 -c \"import smtplib; print(smtplib.SMTP('127.0.0.1').ehlo()[1].decode())\""
    )


def container_env(stack: Stack) -> list[str]:
    found: list[str] = json.loads(stack.on_server("docker inspect --format '{{json .Config.Env}}' poste"))
    return found


def test_a_setting_of_the_container_restarts_it_and_touches_nothing_else(running: Stack) -> None:
    changes = change(running, timeZone="Asia/Tokyo", disableRspamd=True)
    assert touched(changes, *REPLACING) == {"Container poste"}
    assert touched(changes, "update") == {"Command poste-install", "Command dkim-signers"}
    assert {"TZ=Asia/Tokyo", "DISABLE_RSPAMD=TRUE"} <= set(container_env(running))


def test_a_newer_image_is_pulled_before_the_old_container_stops_and_an_older_one_is_refused(running: Stack) -> None:
    tag_again("2.5.12")
    newer = IMAGE.replace("2.5.11", "2.5.12")
    changes = change(running, posteImage=f"{newer}@{digest()}")
    assert touched(changes, *REPLACING) == {"Container poste", "RemoteImage poste"}
    running.configure(posteImage=f"{IMAGE}@{digest()}")
    try:
        text = running.refused()
    finally:
        running.configure(posteImage=f"{newer}@{digest()}")
    assert re.search(r"posteImage \S+2\.5\.11\S+ is older than 2\.5\.12", text)


def test_the_web_ports_and_who_may_reach_which_port_change_on_both_walls(running: Stack) -> None:
    mine = running.setting("adminCidrs")
    other = {"httpPort": 8080, "httpsPort": 4433, "optionalPorts": [143], "adminCidrs": [*mine, "198.51.100.99/32"]}
    changes = change(running, **other)
    assert touched(changes, *REPLACING) == {"Container poste"}
    asked = [80, 443, 8080, 4433, 110, 143, 25]
    address = running.outputs()["ipv4"]
    opened = clouds.eventually(lambda: clouds.open_ports(address, asked, outside=True), 60)
    assert sorted(opened) == [25, 143, 4433, 8080]
    assert "198.51.100.99" in running.on_server("nft list table inet mail_host")
    change(running, **(dict.fromkeys(other) | {"adminCidrs": mine}))
    assert clouds.open_ports(address, [80, 443, 110], outside=True) == [80, 443, 110]


def test_what_a_domain_publishes_changes_in_place_and_what_a_new_server_would_get_changes_nothing(
    running: Stack, watch: Watch
) -> None:
    policy = f'"v=DMARC1; p=quarantine; rua=mailto:{ADMIN}; ruf=mailto:{ADMIN}; fo=1"'
    watch.allow((f"_dmarc.{ZONE}", "TXT"), {policy})
    domains = [{"name": ZONE, "dmarc": {"policy": "quarantine"}, "mxPriority": 20}, {"name": SECOND, "ttl": 600}]
    watch.allow((ZONE, "MX"), {f"20 {HOST}."})
    changes = change(running, domains=domains, serverImage="debian-12", ownerId="0123456789abcdef")
    assert set(changes.values()) == {"update"}
    assert all(name.startswith("DnsRecord") for name in changes)
    assert clouds.ask(f"_dmarc.{ZONE}", "TXT") == {policy}
    change(running, domains=[{"name": ZONE}, {"name": SECOND}], serverImage=None, ownerId=None)


def test_another_administrator_is_appointed_by_the_last_one(running: Stack, watch: Watch) -> None:
    other = f"postmaster@{SECOND}"
    for domain in (ZONE, SECOND):
        (text,) = clouds.ask(f"_dmarc.{domain}", "TXT")
        watch.allow((f"_dmarc.{domain}", "TXT"), {text.replace(ADMIN, other)})
    change(running, adminAddress=other)
    assert running.mailbox().address == other
    assert running.mailbox().take("there-is-no-such-mail") is None
    change(running, adminAddress=ADMIN)


def test_an_image_that_cannot_be_had_leaves_the_old_container_running(running: Stack) -> None:
    before = running.on_server("docker ps --quiet --filter name=poste")
    image = running.setting("posteImage")
    running.configure(posteImage="analogic/poste.io:2.99.0@sha256:" + "0" * 64)
    try:
        running.run("up", "--yes", "--skip-preview", "--stack", running.name, expect=1)
    finally:
        running.configure(posteImage=image)
    assert running.on_server("docker ps --quiet --filter name=poste") == before
    running.up()


def test_a_larger_volume_has_a_larger_file_system_and_a_smaller_one_is_refused(running: Stack) -> None:
    def size() -> int:
        return int(running.on_server("df --output=size --block-size=1G /mnt/poste | tail -n1"))

    before = size()
    changes = change(running, volumeSize=30)
    assert touched(changes, *REPLACING) == set()
    assert size() >= before + 9
    running.configure(volumeSize=20)
    try:
        assert (
            "volumeSize 20: the volume has 30 GB, and a volume cannot shrink. Expected 30 or more" in running.refused()
        )
    finally:
        running.configure(volumeSize=30)


def test_another_server_type_is_the_same_server_made_larger(running: Stack) -> None:
    (before,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    changes = change(running, serverType="cx33")
    assert touched(changes, *REPLACING) == set()
    (after,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    assert after.server_type is not None
    assert (after.id, after.server_type.name, after.status) == (before.id, "cx33", "running")
    clouds.eventually(lambda: clouds.open_ports(running.outputs()["ipv4"], [25, 443], outside=True) == [25, 443], 90)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"location": "fsn1"}, "location fsn1: what this stack has is in nbg1, and a volume and addresses cannot move"),
        ({"sshHostKey": ""}, "sshHostKey is not the key that the server was made with"),
        ({"sshPrivateKey": ""}, "that the server knows. Expected the old one in previousSshPrivateKey"),
        ({"serverRevision": 1}, "serverRevision 1 replaces the server, which is protected"),
        ({"mailHost": NEW_HOST}, "formerMailHosts"),
        ({"networkMode": "bridge"}, "records"),
    ],
)  # fmt: skip
def test_what_would_lose_something_is_refused_in_the_preview(
    running: Stack, config: dict[str, Any], sentence: str
) -> None:
    before = clouds.left_of(NAME), clouds.zone_records(ZONE)
    with running.other_settings(**{key: value or openssh_key() for key, value in config.items()}):
        assert sentence in running.refused()
    assert (clouds.left_of(NAME), clouds.zone_records(ZONE)) == before


def test_a_new_login_key_comes_by_the_old_one(running: Stack) -> None:
    old = running.secret("sshPrivateKey")
    running.set_secret("previousSshPrivateKey", old)
    running.set_secret("sshPrivateKey", openssh_key())
    running.up()
    assert len(running.on_server("cat /root/.ssh/authorized_keys").splitlines()) == 1
    running.configure(previousSshPrivateKey=None)
    running.up()
    running.run("preview", "--expect-no-changes", "--stack", running.name)


def test_a_new_password_of_the_administrator_is_the_one_that_poste_takes(running: Stack) -> None:
    running.set_secret("adminPassword", "Another-Rule-11")
    changes = plan(running)
    assert touched(changes, "update") == {"Command poste-install"}
    running.up()
    assert running.mailbox().take("there-is-no-such-mail") is None


def test_a_domain_that_is_added_gets_mail_only_when_poste_knows_it(running: Stack, watch: Watch) -> None:
    changes = change(running, domains=[{"name": ZONE}, {"name": SECOND}, {"name": THIRD}])
    assert touched(changes, *REPLACING) == set()
    assert clouds.ask(THIRD, "MX") == {f"10 {HOST}."}
    assert running.on_server(f"docker exec poste ls /data/domains/{THIRD}/private")


def test_a_domain_that_is_taken_off_is_refused_until_the_records_are_unprotected_and_then_goes(running: Stack) -> None:
    rest = [{"name": ZONE}, {"name": SECOND}]
    running.configure(domains=rest)
    assert "protect" in running.refused()
    running.configure(domains=[*rest, {"name": THIRD}], unprotected=["records"])
    running.up()
    change(running, domains=rest)
    assert clouds.zone_records(THIRD) == set()
    assert running.on_server(f"docker exec poste ls /data/domains/{THIRD}")
    change(running, unprotected=None)


def test_the_mail_host_is_renamed_beside_its_former_name(running: Stack, watch: Watch) -> None:
    for domain in (ZONE, SECOND):
        watch.allow((domain, "MX"), {f"10 {NEW_HOST}."})
    changes = change(running, mailHost=NEW_HOST, formerMailHosts=[HOST])
    assert touched(changes, *REPLACING) == {"Container poste"}
    ipv4 = running.outputs()["ipv4"]
    assert clouds.ask(HOST, "A") == clouds.ask(NEW_HOST, "A") == {ipv4}
    assert clouds.ask(ZONE, "MX") == {f"10 {NEW_HOST}."}
    assert clouds.pointers(ipv4) == {f"{NEW_HOST}."}
    clouds.forget_answers()
    assert NEW_HOST in greeting(running)


def test_a_server_is_replaced_on_purpose_while_volume_addresses_and_records_stay_protected(
    running: Stack, watch: Watch
) -> None:
    before = {key: running.outputs()[key] for key in ("ipv4", "ipv6", "domains")}
    (old,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    running.configure(unprotected=["server"], serverRevision=1)
    assert "still protected at Hetzner" in running.refused()
    running.configure(serverRevision=None)
    running.up()
    running.configure(serverRevision=1)
    running.set_secret("sshHostKey", openssh_key())
    changes = plan(running)
    gone = touched(changes, *REPLACING, "create")
    assert not any(name.startswith(("DnsRecord", "Volume ", "PrimaryIp")) for name in gone)
    running.up()
    change(running, unprotected=None)
    (new,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    assert new.id != old.id
    assert {key: running.outputs()[key] for key in before} == before


def test_the_network_mode_changes_once_the_records_are_unprotected(running: Stack) -> None:
    change(running, unprotected=["records"])
    changes = change(running, networkMode="bridge")
    assert touched(changes, *REPLACING) == {"Container poste", f"DnsRecord {NEW_HOST}-aaaa", f"DnsRecord {HOST}-aaaa"}
    assert clouds.ask(NEW_HOST, "AAAA") == set()
    changes = change(running, networkMode=None)
    assert touched(changes, *REPLACING) == {"Container poste"}
    change(running, unprotected=None)
    assert clouds.ask(NEW_HOST, "AAAA") == {running.outputs()["ipv6"]}


def test_raising_rerun_mends_what_was_changed_by_hand_on_the_server(running: Stack, watch: Watch) -> None:
    running.on_server("nft flush ruleset")
    running.on_server(
        "python3 - <<'E'\n"
        "import sys; sys.path.insert(0, '/opt/poste-mail')\n"
        "import administrator\n"
        "from poste_http import Poste\n"
        "poste = Poste('https://127.0.0.1:443', *administrator.known())\n"
        f"assert poste.api('PUT', '/domains/{ZONE}/dkim', {{'name': '{ZONE}'}}).status < 300\n"
        f"assert poste.api('DELETE', '/domains/{SECOND}').status < 300\n"
        "E"
    )
    watch.forget(*(key["dkimName"] for key in running.outputs()["domains"].values()))
    change(running, rerun=1)
    assert "policy drop" in running.on_server("nft list table inet mail_host")
    for domain, key in running.outputs()["domains"].items():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]
        folder = f"/opt/haraka-submission/config/dkim/{domain}"
        assert running.on_server(f"docker exec poste cat {folder}/selector").strip() == key["dkimName"].split(".")[0]


def test_a_stack_can_be_renamed(running: Stack) -> None:
    renamed = f"{NAME}-on"
    running.rename(renamed)
    try:
        changes = plan(running)
        # The login key for Docker lies in a folder that is called like the stack.
        assert touched(changes, *REPLACING, "create") == {"Command poste-ssh-files"}
        running.up()
        assert clouds.open_ports(running.outputs()["ipv4"], [22, 25], outside=True) == [25]
    finally:
        running.rename(NAME)
        running.up()


def test_through_all_of_that_no_answer_was_wrong_and_no_mail_was_lost(running: Stack, watch: Watch) -> None:
    assert watch.asked > 500
    assert watch.wrong == []
    assert len(watch.sent) > 20
    assert missing(running.mailbox, list(watch.sent)) == []


def test_under_a_lost_volume_nobody_can_claim_the_server_and_a_new_one_is_installed_behind_closed_ports(
    running: Stack,
) -> None:
    (server,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    volume = clouds.hetzner().volumes.get_by_name(f"poste-mail-{NAME}")
    assert volume is not None
    volume.change_protection(delete=False).wait_until_finished()
    server.power_off().wait_until_finished()
    volume.detach().wait_until_finished()
    volume.delete()
    server.power_on().wait_until_finished()
    clouds.eventually(lambda: running.on_server("echo up"), 60)
    address, seen, done = running.outputs()["ipv4"], set[tuple[int, str]](), threading.Event()

    def try_to_claim() -> None:
        while not done.wait(0.2):
            with contextlib.suppress(subprocess.SubprocessError):
                seen.add(clouds.page_from_outside(address, "/admin/install/server"))

    stranger = threading.Thread(target=try_to_claim)
    stranger.start()
    try:
        running.up("--refresh")
    finally:
        done.set()
        stranger.join()
    assert seen <= {(302, "/admin/login"), (502, "")}
    assert clouds.page_from_outside(address, "/admin/install/server") == (302, "/admin/login")
    for key in running.outputs()["domains"].values():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]
    running.run("preview", "--expect-no-changes", "--stack", running.name)
