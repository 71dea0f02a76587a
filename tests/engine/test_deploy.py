"""The deployed stack: what it made, as strangers and owners see it; and that nothing changes unasked."""

import re

import pytest

from model.ports import TABLE
from offline.sandbox.world import OTHER_MAILBOX
from tests.engine.conftest import DOMAIN, FOREIGN, HOST, BeforeAsking
from tests.support import clouds
from tests.support.mailbox import PROVIDER
from tests.support.stack import Stack

MAIL_PORTS = [port.number for port in TABLE]
SUSPECTS = [21, 22, 23, 53, 111, 123, 389, 2375, 2376, 3000, 3306, 5000, 5432, 6379, 8080, 8443, 9200, 11332, 11333,
            11334, 11380, 11381, 13001]  # fmt: skip


def test_the_preview_of_an_empty_stack_shows_all_that_the_deploy_makes(
    deployed: Stack, empty_preview: list[str]
) -> None:
    # All but the engine's own provider, which answers what the state holds.
    made = len([found for found in deployed.resources() if found["type"] != "pulumi:providers:pulumi"])
    assert f"+ {made} to create" in empty_preview[0]
    assert "error" not in empty_preview[0]


def test_until_hetzner_is_asked_mail_waits_on_the_server_and_verify_says_what_to_do(
    deployed: Stack, before_asking: BeforeAsking
) -> None:
    assert OTHER_MAILBOX in before_asking.queue
    assert "outbound.port-25" in before_asking.verified
    assert "Please unblock outgoing ports 25 and 465" in " ".join(before_asking.verified.split())
    arrived = PROVIDER.wait_for(before_asking.subject, 180)
    assert "dmarc=pass" in str(arrived["Authentication-Results"])


def test_a_second_deploy_changes_nothing(deployed: Stack) -> None:
    deployed.up("--expect-no-changes")


def test_after_a_refresh_only_the_zone_that_waits_for_its_registrar_is_another_and_that_is_no_drift(
    deployed: Stack,
) -> None:
    deployed.run("refresh", "--yes", "--stack", deployed.name)
    text = deployed.run("preview", "--stack", deployed.name)
    assert re.findall(r"^ *([-+~]+) +(\w+:\S+)", text, re.MULTILINE) == [("~", "cloudflare:index:ZoneDnssec")]
    assert "status" in text
    drift = deployed.mail("drift", "--stack", deployed.name)
    assert drift.returncode == 0, drift.stdout + drift.stderr
    deployed.up()
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_stranger_reaches_the_port_table_and_nothing_else(deployed: Stack, family: str) -> None:
    address = deployed.outputs()[family]
    assert clouds.open_ports(address, sorted({*MAIL_PORTS, *SUSPECTS}), outside=True) == MAIL_PORTS


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_an_administrator_reaches_ssh_as_well(deployed: Stack, family: str) -> None:
    address = deployed.outputs()[family]
    assert clouds.open_ports(address, sorted({*MAIL_PORTS, *SUSPECTS}), outside=False) == sorted([22, *MAIL_PORTS])


def test_no_process_in_the_container_can_ask_for_the_user_data_with_the_hosts_key(deployed: Stack) -> None:
    ask = "docker exec poste timeout 10 bash -c '</dev/tcp/169.254.169.254/80' 2>/dev/null && echo told || echo nothing"
    assert deployed.on_server(ask) == "nothing\n"
    # Without the host firewall's rule the service does answer there.
    opened = f"nft flush chain inet mail_host output; {ask}; nft --file /etc/nftables.conf; {ask}"
    assert deployed.on_server(opened) == "told\nnothing\n"


@pytest.mark.parametrize("server", clouds.AUTHORITATIVE)
def test_dns_answers_with_the_records_of_the_guide(deployed: Stack, server: str) -> None:
    outputs = deployed.outputs()
    assert clouds.ask(HOST, "A", server) == {outputs["ipv4"]}
    assert clouds.ask(HOST, "AAAA", server) == {outputs["ipv6"]}
    assert clouds.ask(DOMAIN, "MX", server) == {f"10 {HOST}."}
    foreign = {content for name, kind, content in FOREIGN if (name, kind) == (DOMAIN, "TXT")}
    assert clouds.ask(DOMAIN, "TXT", server) - foreign == {
        f'"v=spf1 a mx ip4:{outputs["ipv4"]} ip6:{outputs["ipv6"]} ~all"'
    }
    assert clouds.ask(f"_dmarc.{DOMAIN}", "TXT", server) == {
        f'"v=DMARC1; p=reject; rua=mailto:admin@{DOMAIN}; ruf=mailto:admin@{DOMAIN}; fo=1"'
    }


def test_both_addresses_point_back_to_the_mail_host(deployed: Stack) -> None:
    outputs = deployed.outputs()
    assert clouds.pointers(outputs["ipv4"]) == clouds.pointers(outputs["ipv6"]) == {f"{HOST}."}


def test_the_dkim_record_is_the_key_that_the_server_signs_with(deployed: Stack) -> None:
    published = deployed.outputs()["domains"][DOMAIN]
    (answer,) = clouds.ask(published["dkimName"], "TXT")
    text = answer.replace('" "', "").strip('"')
    assert text == published["dkimValue"]
    selector = published["dkimName"].split(".")[0]
    folder = f"/opt/haraka-submission/config/dkim/{DOMAIN}"
    signer = deployed.on_server(f"docker exec poste cat {folder}/selector {folder}/public")
    assert signer.startswith(selector)
    assert "".join(line for line in signer.splitlines()[1:] if "-----" not in line) == text.partition("p=")[2]


def test_mail_goes_out_with_spf_dkim_and_dmarc_passing_and_comes_in(deployed: Stack) -> None:
    report = deployed.python("operate", "verify", "--stack", deployed.name, "--only", "mail", "--watch", "180")
    assert "to user@other.example: spf pass, dkim pass, dmarc pass; signature valid" in report
    assert "from user@other.example: in the inbox" in report


def test_the_installer_is_closed_to_a_stranger(deployed: Stack) -> None:
    assert clouds.page_from_outside(deployed.outputs()["ipv4"], "/admin/install/server") == (302, "/admin/login")


def test_the_state_and_the_outputs_hold_no_secret_in_plain_text(deployed: Stack) -> None:
    text = deployed.run("stack", "export", "--stack", deployed.name)
    for secret in deployed.secrets():
        assert secret not in text
    assert not any(secret in str(deployed.outputs()) for secret in deployed.secrets())


def test_an_error_of_the_stack_s_configuration_names_all_mistakes(deployed: Stack) -> None:
    before = {key: deployed.setting(key) for key in ("timeZone", "adminCidrs")}
    deployed.configure(timeZone="Mars/Base", adminCidrs=["198.51.100.1/24"])
    try:
        text = deployed.refused()
    finally:
        deployed.configure(**before)
    assert "Configuration of stack engine: 2 mistakes" in text
    assert "Mars/Base" in text
    assert "198.51.100.1/24" in text
