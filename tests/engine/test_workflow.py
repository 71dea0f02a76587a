"""Preview and drift check as the workflows run them, with the real engine and the sandbox's APIs on paper."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloudflare import Cloudflare

from operate.workflow.engine import policies
from tests.support.checkout import CLOUDFLARE_TOKEN, Checkout
from tests.support.own_project import ROOT
from tests.support.project import Clouds, clouds_on_paper

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

ONE_RECORD = """
import pulumi
import pulumi_cloudflare as cloudflare
from components.providers import cloudflare_dns

dns = pulumi.ResourceOptions(provider=cloudflare_dns())
zone = cloudflare.get_zone(filter={"name": "family.example"}, opts=pulumi.InvokeOptions(provider=dns.provider)).zone_id
name, text = "note.family.example", '"as deployed"'
cloudflare.DnsRecord("note", zone_id=zone, name=name, type="TXT", ttl=300, content=text, proxied=False, opts=dns)
"""


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with clouds_on_paper(tmp_path_factory.mktemp("clouds")) as running:
        yield running


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, clouds: Clouds) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("checkout"), clouds)
    done = made.wizard("--domain", "family.example")
    assert done.returncode == 0, done.stderr
    return made


def give_settings(checkout: Checkout, settings: dict[str, object]) -> None:
    """Let the policy pack judge the stack with these settings."""
    policy = checkout.folder / "policy"
    if policy.is_symlink():
        policy.unlink()
        (policy / "stacks").mkdir(parents=True)
        for file in (ROOT / "policy").iterdir():
            (policy / file.name).symlink_to(file)
    (policy / "stacks" / "prod.json").write_text(json.dumps(settings))


def test_the_preview_of_a_new_stack_is_summed_up_in_a_file_and_on_the_runs_page(checkout: Checkout) -> None:
    page = checkout.folder / "page.md"
    page.write_text("what was there before\n")
    command = ("python", "-m", "operate", "preview", "--stack", "prod", "--output", "summary.md")
    done = checkout.run(*command, GITHUB_STEP_SUMMARY=str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    text = (checkout.folder / "summary.md").read_text()
    assert text.startswith("### Stack `prod`: 106 created\n")
    assert "[advisory] backup-in-protected-stack" in text
    assert "\n> [!WARNING]\n" in text
    assert "- volume: `volume`" in text
    assert page.read_text() == f"what was there before\n{text}"


def test_a_preview_that_a_policy_refuses_fails_and_the_summary_says_why(checkout: Checkout) -> None:
    give_settings(checkout, {"firewall-ssh": {"networks": ["192.0.2.0/24"]}})
    done = checkout.run("python", "-m", "operate", "preview", "--stack", "prod", "--output", "summary.md")
    assert done.returncode == 1
    text = (checkout.folder / "summary.md").read_text()
    assert text.startswith("### Stack `prod`: the preview failed, 106 created\n")
    assert "[mandatory] firewall-ssh: ssh" in text


def test_a_stack_that_is_not_there_fails_with_the_engines_words(checkout: Checkout) -> None:
    done = checkout.run("python", "-m", "operate", "preview", "--stack", "nowhere")
    assert done.returncode == 1
    assert "no stack named 'nowhere' found" in done.stdout


def test_the_policy_packs_settings_of_a_stack_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy" / "stacks").mkdir(parents=True)
    (tmp_path / "policy" / "stacks" / "prod.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert policies("prod") == ["--policy-pack", "policy", "--policy-pack-config", "policy/stacks/prod.json"]
    assert policies("staging") == ["--policy-pack", "policy"]


@pytest.fixture
def one_record(checkout: Checkout) -> Checkout:
    """The checkout with a program that makes a single record, which is deployed."""
    (checkout.folder / "__main__.py").unlink()
    (checkout.folder / "__main__.py").write_text(ONE_RECORD)
    give_settings(checkout, {"all": "disabled"})
    deploy(checkout, "--refresh")
    return checkout


def deploy(checkout: Checkout, *flags: str, exit_code: int = 0) -> str:
    done = checkout.run("python", "-m", "operate", "deploy", "--stack", "prod", *flags)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def drift(checkout: Checkout, exit_code: int) -> str:
    done = checkout.run("python", "-m", "operate", "drift", "--stack", "prod", "--output", "drift.md")
    assert done.returncode == exit_code, done.stdout + done.stderr
    return (checkout.folder / "drift.md").read_text()


def approve(checkout: Checkout, *flags: str) -> str:
    command = ("python", "-m", "operate", "preview", "--stack", "prod", "--approval", "approval")
    done = checkout.run(*command, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return (checkout.folder / "approval").read_text()


def edit_by_hand(clouds: Clouds, text: str) -> None:
    with Cloudflare(api_token=CLOUDFLARE_TOKEN, base_url=f"http://127.0.0.1:{clouds.cloudflare}/client/v4") as client:
        (zone,) = client.zones.list(name="family.example")
        (record,) = client.dns.records.list(zone_id=zone.id)
        client.dns.records.edit(
            record.id, zone_id=zone.id, name="note.family.example", type="TXT", content=text, ttl=300
        )


def content(clouds: Clouds) -> str | None:
    with Cloudflare(api_token=CLOUDFLARE_TOKEN, base_url=f"http://127.0.0.1:{clouds.cloudflare}/client/v4") as client:
        (zone,) = client.zones.list(name="family.example")
        (record,) = client.dns.records.list(zone_id=zone.id)
        return record.content


def test_a_check_that_could_not_look_is_told_apart_from_drift(checkout: Checkout) -> None:
    settings = checkout.file.read_text()
    checkout.file.write_text(re.sub(r"(cloudflare:baseUrl: http://127.0.0.1):\d+", r"\1:9", settings))
    try:
        found = drift(checkout, exit_code=1)
    finally:
        checkout.file.write_text(settings)
    assert found.startswith("It could not be found out whether the real resources are as the last deploy left them")
    assert "The real resources are not as" not in found
    assert "**Errors**" in found


def test_a_change_by_hand_is_drift_and_a_deploy_with_refresh_puts_it_right(
    one_record: Checkout, clouds: Clouds
) -> None:
    assert drift(one_record, exit_code=0) == ""
    edit_by_hand(clouds, '"by hand"')
    found = drift(one_record, exit_code=3)
    assert "modifiedOn" not in found  # which nobody sets, and the plugin names all the same
    assert found.startswith("The real resources are not as the last deploy left them.")
    assert '`content`: `"by hand"` → `"as deployed"`' in found
    deploy(one_record, "--refresh")
    assert drift(one_record, exit_code=0) == ""


def test_what_was_approved_is_deployed_and_nothing_else(one_record: Checkout, clouds: Clouds) -> None:
    program = one_record.folder / "__main__.py"
    program.write_text(ONE_RECORD.replace("as deployed", "as approved"))
    assert approve(one_record) == approve(one_record)
    program.write_text(ONE_RECORD.replace("as deployed", "as slipped in"))
    said = deploy(one_record, "--approved", "approval", exit_code=1)
    assert "What would be deployed now is not what was approved, so nothing was deployed" in said
    assert '`"as slipped in"`' in said
    assert content(clouds) == '"as deployed"'
    program.write_text(ONE_RECORD.replace("as deployed", "as approved"))
    deploy(one_record, "--approved", "approval")
    assert content(clouds) == '"as approved"'


def test_a_change_by_hand_after_the_approval_stops_a_deploy_with_refresh(one_record: Checkout, clouds: Clouds) -> None:
    approve(one_record, "--refresh")
    edit_by_hand(clouds, '"by hand"')
    deploy(one_record, "--refresh", "--approved", "approval", exit_code=1)
    assert content(clouds) == '"by hand"'
