"""A stack with the default settings is changed in every way that a setting can be, while the world watches.

The tests follow the rows of docs/changes.md. From the first to the last, the name servers' answers for MX, SPF, DKIM
and DMARC are never empty or wrong, and every mail that is sent arrives.
"""

import contextlib
import imaplib
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from model.records import txt_value
from operate.verify.conversation import unverified
from tests.engine.conftest import ADMIN, DOMAIN, HOST, NAME, SECOND, THIRD
from tests.support import clouds
from tests.support.certificates import IMAPS, Served, the_one
from tests.support.examples import openssh_key
from tests.support.images import IMAGE, digest, tag_again
from tests.support.lasting import assert_mail_goes_each_way, assert_the_mail_is_there, leave_a_mail
from tests.support.stack import Stack
from tests.support.watch import Watch, missing

NEW_HOST = f"post.{DOMAIN}"


@pytest.fixture(scope="module", autouse=True)
def watch(deployed: Stack) -> Iterator[Watch]:
    """Somebody who looks on from outside, from the first change to the last."""
    outputs = deployed.outputs()
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
    """Change settings and deploy, as a person does: what the preview said."""
    stack.configure(**config)
    changes = plan(stack)
    stack.up()
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


def test_a_setting_of_the_container_restarts_it_and_touches_nothing_else(deployed: Stack) -> None:
    changes = change(deployed, timeZone="Asia/Tokyo", disableRspamd=True)
    assert touched(changes, *REPLACING) == {"Container poste"}
    again = {f"Command {name}" for name in ("poste-judged", "poste-install", "relay", "dkim-signers", "certificate")}
    # A service that is turned off is not to be missed.
    assert touched(changes, "update") == again | {"Command watch"}
    assert {"TZ=Asia/Tokyo", "DISABLE_RSPAMD=TRUE"} <= set(container_env(deployed))


def test_a_newer_image_is_pulled_before_the_old_container_stops_and_an_older_one_is_refused(deployed: Stack) -> None:
    tag_again("2.5.12")
    newer = IMAGE.replace("2.5.11", "2.5.12")
    changes = change(deployed, posteImage=f"{newer}@{digest()}")
    assert touched(changes, *REPLACING) == {"Container poste", "RemoteImage poste"}
    deployed.configure(posteImage=f"{IMAGE}@{digest()}")
    try:
        text = deployed.refused()
    finally:
        deployed.configure(posteImage=f"{newer}@{digest()}")
    assert re.search(r"posteImage \S+2\.5\.11\S+ is older than 2\.5\.12", text)


def test_the_web_ports_and_who_may_reach_which_port_change_on_both_walls(deployed: Stack) -> None:
    mine = deployed.setting("adminCidrs")
    other = {"httpPort": 8080, "httpsPort": 4433, "optionalPorts": [143], "adminCidrs": [*mine, "198.51.100.99/32"]}
    authority, issuer = deployed.setting("acmeServer"), deployed.setting("acmeIssuer")
    deployed.configure(**other)
    assert "and httpPort is 8080. Expected none" in deployed.refused()
    other |= {"certificate": "none, since nobody reaches port 80", "acmeServer": None, "acmeIssuer": None}
    certificate = the_one(deployed.outputs()["ipv4"], HOST)
    changes = change(deployed, **other)
    assert touched(changes, *REPLACING) == {
        "Container poste",
        "Certificate certificate",
        *(f"Command certificate{part}" for part in ("", "-account", "-keys")),
        *(f"DnsRecord {HOST}-{part}" for part in ("caa", "tlsa-0", "tlsa-1")),
        *(f"DnsRecord {domain}-sieve" for domain in (DOMAIN, SECOND)),
    }
    assert "inactive" in deployed.on_server("systemctl is-active poste-certificate.timer || true")
    asked = [80, 443, 8080, 4433, 110, 143, 25]
    address = deployed.outputs()["ipv4"]
    clouds.until_open(address, asked, {25, 143, 4433, 8080})
    host_firewall = deployed.on_server("nft list table inet mail_host")
    assert "198.51.100.99" in host_firewall
    assert "110" not in host_firewall
    back = {"adminCidrs": mine, "acmeServer": authority, "acmeIssuer": issuer}
    change(deployed, **(dict.fromkeys(other) | back))
    clouds.until_open(address, [80, 443, 110], {80, 443, 110})
    assert the_one(address, HOST) == certificate


def test_what_a_domain_publishes_changes_in_place_and_what_a_new_server_would_get_changes_nothing(
    deployed: Stack, watch: Watch
) -> None:
    policy = f'"v=DMARC1; p=quarantine; rua=mailto:{ADMIN}; ruf=mailto:{ADMIN}; fo=1"'
    watch.allow((f"_dmarc.{DOMAIN}", "TXT"), {policy})
    domains = [{"name": DOMAIN, "dmarc": {"policy": "quarantine"}, "mxPriority": 20}, {"name": SECOND, "ttl": 600}]
    watch.allow((DOMAIN, "MX"), {f"20 {HOST}."})
    changes = change(deployed, domains=domains, serverImage="debian-12", ownerId="0123456789abcdef")
    assert set(changes.values()) == {"update"}
    assert all(name.startswith("DnsRecord") for name in changes)
    assert clouds.ask(f"_dmarc.{DOMAIN}", "TXT") == {policy}
    change(deployed, domains=[{"name": DOMAIN}, {"name": SECOND}], serverImage=None, ownerId=None)


def test_another_administrator_is_appointed_by_the_last_one(deployed: Stack, watch: Watch) -> None:
    other = f"postmaster@{SECOND}"
    for domain in (DOMAIN, SECOND):
        (text,) = clouds.ask(f"_dmarc.{domain}", "TXT")
        watch.allow((f"_dmarc.{domain}", "TXT"), {text.replace(ADMIN, other)})
    change(deployed, adminAddress=other)
    assert deployed.mailbox().address == other
    assert deployed.mailbox().take_patiently("there-is-no-such-mail") is None
    change(deployed, adminAddress=ADMIN)


def test_an_image_that_cannot_be_had_leaves_the_old_container_running(deployed: Stack) -> None:
    before = deployed.on_server("docker ps --quiet --filter name=poste")
    image = deployed.setting("posteImage")
    deployed.configure(posteImage="analogic/poste.io:2.99.0@sha256:" + "0" * 64)
    try:
        deployed.run("up", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
    finally:
        deployed.configure(posteImage=image)
    assert deployed.on_server("docker ps --quiet --filter name=poste") == before
    deployed.up()


def test_a_larger_volume_has_a_larger_file_system_and_a_smaller_one_is_refused(deployed: Stack) -> None:
    def size() -> int:
        return int(deployed.on_server("df --output=size --block-size=1G /mnt/poste | tail -n1"))

    before = size()
    changes = change(deployed, volumeSize=30)
    assert touched(changes, *REPLACING) == set()
    assert size() >= before + 9
    deployed.configure(volumeSize=20)
    try:
        assert (
            "volumeSize 20: the volume has 30 GB, and a volume cannot shrink. Expected 30 or more" in deployed.refused()
        )
    finally:
        deployed.configure(volumeSize=30)


def test_another_server_type_is_the_same_server_made_larger(deployed: Stack) -> None:
    (before,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    changes = change(deployed, serverType="cx33")
    assert touched(changes, *REPLACING) == set()
    (after,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    assert after.server_type is not None
    assert (after.id, after.server_type.name, after.status) == (before.id, "cx33", "running")
    clouds.until_open(deployed.outputs()["ipv4"], [25, 443], {25, 443})


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
    deployed: Stack, config: dict[str, Any], sentence: str
) -> None:
    before = clouds.left_of(NAME), clouds.zone_records(DOMAIN)
    with deployed.other_settings(**{key: value or openssh_key() for key, value in config.items()}):
        assert sentence in deployed.refused()
    assert (clouds.left_of(NAME), clouds.zone_records(DOMAIN)) == before


def test_a_new_login_key_comes_by_the_old_one(deployed: Stack) -> None:
    old = deployed.secret("sshPrivateKey")
    deployed.set_secret("previousSshPrivateKey", old)
    deployed.set_secret("sshPrivateKey", openssh_key())
    deployed.up()
    assert len(deployed.on_server("cat /root/.ssh/authorized_keys").splitlines()) == 1
    deployed.configure(previousSshPrivateKey=None)
    deployed.up()
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)


def test_a_new_password_of_the_administrator_is_the_one_that_poste_takes(deployed: Stack) -> None:
    deployed.set_secret("adminPassword", "Another-Rule-11")
    changes = plan(deployed)
    assert touched(changes, "update") == {"Command poste-install"}
    deployed.up()
    assert deployed.mailbox().take_patiently("there-is-no-such-mail") is None


def test_a_domain_that_is_added_gets_mail_only_when_poste_knows_it(deployed: Stack, watch: Watch) -> None:
    changes = change(deployed, domains=[{"name": DOMAIN}, {"name": SECOND}, {"name": THIRD}])
    assert touched(changes, *REPLACING) == set()
    assert clouds.ask(THIRD, "MX") == {f"10 {HOST}."}
    assert deployed.on_server(f"docker exec poste ls /data/domains/{THIRD}/private")


def test_a_domain_that_is_taken_off_is_refused_until_the_records_are_unprotected_and_then_goes(deployed: Stack) -> None:
    rest = [{"name": DOMAIN}, {"name": SECOND}]
    deployed.configure(domains=rest)
    assert "protect" in deployed.refused()
    deployed.configure(domains=[*rest, {"name": THIRD}], unprotected=["records"])
    deployed.up()
    change(deployed, domains=rest)
    assert clouds.zone_records(THIRD) == set()
    assert deployed.on_server(f"docker exec poste ls /data/domains/{THIRD}")
    change(deployed, unprotected=None)


def test_the_mail_host_is_renamed_beside_its_former_name(deployed: Stack, watch: Watch) -> None:
    for domain in (DOMAIN, SECOND):
        watch.allow((domain, "MX"), {f"10 {NEW_HOST}."})
    changes = change(deployed, mailHost=NEW_HOST, formerMailHosts=[HOST])
    assert touched(changes, *REPLACING) == {"Container poste"}
    ipv4 = deployed.outputs()["ipv4"]
    assert clouds.ask(HOST, "A") == clouds.ask(NEW_HOST, "A") == {ipv4}
    assert clouds.ask(DOMAIN, "MX") == {f"10 {NEW_HOST}."}
    assert clouds.pointers(ipv4) == {f"{NEW_HOST}."}
    clouds.forget_answers()
    assert NEW_HOST in greeting(deployed)


def test_a_server_is_replaced_on_purpose_by_a_deploy_that_is_killed_and_the_rest_stays_protected(
    deployed: Stack, watch: Watch
) -> None:
    before = {key: deployed.outputs()[key] for key in ("ipv4", "ipv6", "domains", "certificateAccount")}
    certificate = the_one(before["ipv4"], NEW_HOST)
    (old,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    leave_a_mail(deployed, "kept-while-the-server-is-replaced")
    deployed.configure(unprotected=["server"], serverRevision=1)
    assert "still protected at Hetzner" in deployed.refused()
    deployed.configure(serverRevision=None)
    deployed.up()
    deployed.configure(serverRevision=1)
    deployed.set_secret("sshHostKey", openssh_key())
    changes = plan(deployed)
    gone = touched(changes, *REPLACING, "create")
    assert not any(name.startswith(("DnsRecord", "Volume ", "PrimaryIp")) for name in gone)
    clouds.slow_boot(5)
    deployed.killed_up("host-ready updating")
    # What was on its way to being made in that moment is known to Hetzner alone.
    deployed.python("operate", "repair", "--stack", deployed.name, "--yes")
    deployed.up()
    change(deployed, unprotected=None)
    (new,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    assert new.id != old.id
    assert {key: deployed.outputs()[key] for key in before} == before
    # Nobody was asked for another one.
    assert the_one(before["ipv4"], NEW_HOST) == certificate
    assert_the_mail_is_there(deployed, "kept-while-the-server-is-replaced")
    assert_mail_goes_each_way(deployed)


def test_the_certificate_is_renewed_on_every_port_while_a_client_stays_connected(deployed: Stack, watch: Watch) -> None:
    address = deployed.outputs()["ipv4"]
    lasting = the_one(address, NEW_HOST)
    clouds.lifetime(60)
    change(deployed, acmeServer="https://brief.example/dir")
    first = the_one(address, NEW_HOST)
    assert first.certificate != lasting.certificate
    # The key stays, so that a DANE record stays right.
    assert first.key == lasting.key
    # A minute after a reload, which the certificate just needed, Dovecot ends sessions of before.
    time.sleep(70)
    timer = "/etc/systemd/system/poste-certificate.timer"
    with imaplib.IMAP4_SSL(address, ssl_context=unverified()) as client:
        client.login(ADMIN, deployed.secret("adminPassword").strip())
        # The timer as it is, only quicker; the certificate is due by now.
        deployed.on_server(f"sed -i 's/=1h$/=3s/; /Randomized/d' {timer} && systemctl daemon-reload")
        deployed.on_server("systemctl restart poste-certificate.timer")
        clouds.eventually(lambda: different(the_one(address, NEW_HOST, only=IMAPS), first), 100)
        assert client.noop()[0] == "OK"
    renewed = clouds.eventually(lambda: different(the_one(address, NEW_HOST), first), 180)
    assert renewed.key == first.key
    change(deployed, acmeServer="https://acme.example/dir")
    assert the_one(address, NEW_HOST) == lasting
    assert "=1h" in deployed.on_server(f"cat {timer}")


def different(found: Served, before: Served) -> Served:
    """What is found, which is not as before. Raises AssertionError if it is."""
    assert found != before
    return found


def test_the_network_mode_changes_once_the_records_are_unprotected(deployed: Stack) -> None:
    change(deployed, unprotected=["records"])
    changes = change(deployed, networkMode="bridge")
    assert touched(changes, *REPLACING) == {"Container poste", f"DnsRecord {NEW_HOST}-aaaa", f"DnsRecord {HOST}-aaaa"}
    assert clouds.ask(NEW_HOST, "AAAA") == set()
    changes = change(deployed, networkMode=None)
    assert touched(changes, *REPLACING) == {"Container poste"}
    change(deployed, unprotected=None)
    assert clouds.ask(NEW_HOST, "AAAA") == {deployed.outputs()["ipv6"]}


def test_raising_rerun_mends_what_was_changed_by_hand_on_the_server(deployed: Stack, watch: Watch) -> None:
    deployed.on_server("nft flush ruleset")
    deployed.on_server(
        "python3 - <<'E'\n"
        "import sys; sys.path.insert(0, '/opt/poste-mail')\n"
        "import administrator\n"
        "from poste_http import Poste\n"
        "poste = Poste('https://127.0.0.1:443', *administrator.known())\n"
        f"assert poste.api('PUT', '/domains/{DOMAIN}/dkim', {{'name': '{DOMAIN}'}}).status < 300\n"
        f"assert poste.api('DELETE', '/domains/{SECOND}').status < 300\n"
        "E"
    )
    watch.forget(*(key["dkimName"] for key in deployed.outputs()["domains"].values()))
    change(deployed, rerun=1)
    assert "policy drop" in deployed.on_server("nft list table inet mail_host")
    for domain, key in deployed.outputs()["domains"].items():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]
        folder = f"/opt/haraka-submission/config/dkim/{domain}"
        assert deployed.on_server(f"docker exec poste cat {folder}/selector").strip() == key["dkimName"].split(".")[0]


def test_a_stack_can_be_renamed(deployed: Stack) -> None:
    renamed = f"{NAME}-on"
    deployed.rename(renamed)
    try:
        changes = plan(deployed)
        # The login key for Docker lies in a folder that is called like the stack.
        assert touched(changes, *REPLACING, "create") == {"Command poste-ssh-files"}
        deployed.up()
        clouds.until_open(deployed.outputs()["ipv4"], [22, 25], {25})
    finally:
        deployed.rename(NAME)
        deployed.up()


def test_through_all_of_that_no_answer_was_wrong_and_no_mail_was_lost(deployed: Stack, watch: Watch) -> None:
    assert watch.asked > 500
    assert watch.wrong == []
    assert len(watch.sent) > 20
    assert missing(deployed.mailbox, list(watch.sent)) == []
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)


def test_under_a_lost_volume_nobody_can_claim_the_server_and_a_new_one_is_installed_behind_closed_ports(
    deployed: Stack,
) -> None:
    (server,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    volume = clouds.hetzner().volumes.get_by_name(f"poste-mail-{NAME}")
    assert volume is not None
    # As if there had never been a backup, which would bring the mail back.
    clouds.lose_backups(f"poste-mail-{NAME}")
    volume.change_protection(delete=False).wait_until_finished()
    server.power_off().wait_until_finished()
    volume.detach().wait_until_finished()
    volume.delete()
    server.power_on().wait_until_finished()
    clouds.eventually(lambda: deployed.on_server("echo up"), 180)
    address, seen, done = deployed.outputs()["ipv4"], set[tuple[int, str]](), threading.Event()

    def try_to_claim() -> None:
        while not done.wait(0.2):
            with contextlib.suppress(subprocess.SubprocessError):
                seen.add(clouds.page_from_outside(address, "/admin/install/server"))

    stranger = threading.Thread(target=try_to_claim)
    stranger.start()
    try:
        deployed.up("--refresh")
    finally:
        done.set()
        stranger.join()
    assert seen <= {(302, "/admin/login"), (502, "")}
    assert clouds.page_from_outside(address, "/admin/install/server") == (302, "/admin/login")
    for key in deployed.outputs()["domains"].values():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)
