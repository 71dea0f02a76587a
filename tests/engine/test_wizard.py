"""The wizard as a whole, with the real engine and the sandbox's APIs on paper."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cloudflare import Cloudflare

from model.ssh_keys import key_mark, ssh_public_key
from tests.support.checkout import CLOUDFLARE_TOKEN, HCLOUD_TOKEN, Checkout
from tests.support.project import Clouds, clouds_on_paper

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with clouds_on_paper(tmp_path_factory.mktemp("clouds")) as running:
        yield running


@pytest.fixture
def checkout(tmp_path: Path, clouds: Clouds) -> Checkout:
    return Checkout(tmp_path, clouds)


def test_one_command_makes_a_stack_that_passes_the_preview_with_all_policies(checkout: Checkout) -> None:
    done = checkout.wizard("--domain", "family.example")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Next:\n  ./run pulumi preview --stack prod --policy-pack policy\n")
    preview = checkout.run("pulumi", "preview", "--stack", "prod", "--non-interactive", "--policy-pack", "policy")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert "mail.family.example" in preview.stdout


def test_run_again_it_keeps_every_secret_and_changes_what_a_flag_says(checkout: Checkout) -> None:
    first = checkout.wizard("--domain", "family.example")
    assert first.returncode == 0, first.stderr
    before = yaml.safe_load(checkout.file.read_text())["config"]
    again = checkout.wizard(
        "--time-zone", "Europe/Berlin", HCLOUD_TOKEN="another token", CLOUDFLARE_API_TOKEN="another"
    )
    assert again.returncode == 0, again.stderr
    after = yaml.safe_load(checkout.file.read_text())["config"]
    assert after == before | {"poste-mail:timeZone": "Europe/Berlin"}
    assert "adminPassword kept" in again.stdout
    replaced = checkout.wizard("--replace", "adminPassword")
    assert "adminPassword set" in replaced.stdout
    last = yaml.safe_load(checkout.file.read_text())["config"]
    changed = {key for key in last if last[key] != after[key]}
    assert changed == {"poste-mail:adminPassword"}


def test_a_stack_gets_an_owner_id_of_its_own_and_one_that_lived_by_its_host_key_keeps_that(checkout: Checkout) -> None:
    def owner() -> str:
        return str(yaml.safe_load(checkout.file.read_text())["config"]["poste-mail:ownerId"])

    done = checkout.wizard("--domain", "family.example")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch("[0-9a-f]{16}", owner())
    key = checkout.run("pulumi", "config", "get", "sshHostKey", "--stack", "prod").stdout
    assert owner() != key_mark(ssh_public_key(key))
    checkout.run("pulumi", "config", "rm", "ownerId", "--stack", "prod")
    assert checkout.wizard("--replace", "sshHostKey").returncode == 0
    assert owner() == key_mark(ssh_public_key(key))


def test_no_secret_is_in_the_file_or_in_what_it_prints(checkout: Checkout) -> None:
    done = checkout.wizard("--domain", "family.example")
    password = checkout.run("pulumi", "config", "get", "adminPassword", "--stack", "prod").stdout.strip()
    assert len(password) > 20
    told = done.stdout + done.stderr + checkout.file.read_text()
    for secret in (password, HCLOUD_TOKEN, CLOUDFLARE_TOKEN, "PRIVATE KEY"):
        assert secret not in told


def test_what_is_in_the_way_in_dns_is_shown(checkout: Checkout, clouds: Clouds) -> None:
    with Cloudflare(api_token=CLOUDFLARE_TOKEN, base_url=f"http://127.0.0.1:{clouds.cloudflare}/client/v4") as client:
        (zone,) = client.zones.list(name="club.example")
        client.dns.records.create(
            zone_id=zone.id, name="club.example", type="MX", content="mx.other.example", priority=5, ttl=300
        )
    done = checkout.wizard("--domain", "club.example")
    assert done.returncode == 0, done.stderr
    assert "in the way of the MX record: club.example MX mx.other.example" in done.stdout
    assert "The preview will stop" in done.stdout


@pytest.mark.parametrize(
    ("flags", "variables", "message"),
    [
        ([], {"HCLOUD_TOKEN": "y" * 64}, "Hetzner refuses the token"),
        ([], {"CLOUDFLARE_API_TOKEN": "y" * 40}, "Cloudflare refuses the token"),
        ([], {"CLOUDFLARE_API_TOKEN": "short"}, "Cloudflare refuses the token"),
        (["--domain", "nobody.example"], {}, "Cloudflare shows this token no zone for nobody.example"),
        (["--server-type", "cx99"], {}, "Hetzner has not cx99 at the moment"),
        (["--image", "analogic/poste.io:2.5.11"], {}, "has no digest"),
        (["--admin-address", "admin@elsewhere.example"], {}, "belongs to none of the domains"),
        (["--mail-host", "mail"], {}, "--mail-host: mail: Expected a fully qualified name"),
        (["--stack", "prod_eu"], {}, 'stack: "prod_eu": cannot be part of a server\'s name'),
        (["--admin-cidr", "10.0.0.0/8"], {}, "from 10.0.0.0/8 (private) nobody reaches a server"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right_and_nothing_is_written(
    checkout: Checkout, flags: list[str], variables: dict[str, str], message: str
) -> None:
    done = checkout.wizard("--domain", "family.example", *flags, **variables)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Expected" in done.stderr
    assert not checkout.file.exists()


def test_a_sub_domain_goes_into_the_zone_above_it(checkout: Checkout) -> None:
    done = checkout.wizard("--domain", "staging.family.example", "--no-protect", "--dmarc-policy", "none")
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(checkout.file.read_text())["config"]
    assert config["poste-mail:domains"] == [
        {"name": "staging.family.example", "zone": "family.example", "dmarc": {"policy": "none"}}
    ]
    assert str(config["poste-mail:protect"]).lower() == "false"


def test_a_stack_outside_the_sandbox_gets_a_passphrase_of_its_own_and_keeps_it(
    checkout: Checkout, clouds: Clouds
) -> None:
    # 127.1 is this machine, too, but not a name that the sandbox goes by.
    elsewhere = ("--domain", "family.example", "--hetzner-endpoint", f"http://127.1:{clouds.hetzner}/v1")
    config = checkout.folder / "config"
    done = checkout.wizard(*elsewhere, XDG_CONFIG_HOME=str(config))
    assert done.returncode == 0, done.stderr
    file = config / "poste-mail" / "prod.passphrase"
    assert f"  export PULUMI_CONFIG_PASSPHRASE_FILE={file}\n" in done.stdout
    assert file.read_text() not in done.stdout
    password = ("pulumi", "config", "get", "adminPassword", "--stack", "prod")
    assert checkout.run(*password).returncode != 0, "the sandbox's passphrase opens it"
    again = checkout.wizard(*elsewhere, XDG_CONFIG_HOME=str(config))
    assert "adminPassword kept" in again.stdout
    lost = checkout.wizard(*elsewhere, XDG_CONFIG_HOME=str(checkout.folder / "empty"))
    assert "Set PULUMI_CONFIG_PASSPHRASE_FILE to the file with the passphrase of stack prod" in lost.stderr
