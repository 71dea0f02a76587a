"""The sandbox is what it says: a resolver that remembers, servers that install, grow and come back."""

import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

from tests.support import clouds
from tests.support.examples import openssh_key

ZONE = "remembered.example"
NAME = "grows"
FALKENSTEIN = Location(name="fsn1")
USER_DATA = "#cloud-config\nssh_pwauth: false\n"


@pytest.fixture(scope="module")
def zone(sandbox: None) -> str:
    """A zone of these tests."""
    clouds.add_zone(ZONE)
    return ZONE


def cached(name: str, kind: str) -> set[str]:
    """What the sandbox's resolver says."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [clouds.RESOLVER]
    try:
        return {item.to_text() for item in resolver.resolve(name, kind)}
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return set()


def test_a_resolver_keeps_answers_and_that_there_was_none_until_it_is_told_to_forget(zone: str) -> None:
    name = f"www.{zone}"
    assert cached(name, "A") == set()
    clouds.add_record(zone, name, "A", "198.51.100.7")
    assert clouds.ask(name, "A") == {"198.51.100.7"}
    assert cached(name, "A") == set()
    clouds.forget_answers()
    assert cached(name, "A") == {"198.51.100.7"}
    clouds.remove_records(zone)
    clouds.add_record(zone, name, "A", "198.51.100.8")
    assert cached(name, "A") == {"198.51.100.8"}


@dataclass
class Vps:
    """A server of these tests, with a volume of 10 GB that is formatted and not yet mounted."""

    server: Any
    volume: Any
    key: Path

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on it, as soon as it can be reached."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        address = f"root@{self.server.public_net.ipv4.ip}"

        def attempt() -> "subprocess.CompletedProcess[str] | None":
            done = subprocess.run(
                ["ssh", *options, "-i", str(self.key), address, command],
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            return None if done.returncode == 255 else done

        done = clouds.eventually(attempt, 120)
        assert done is not None
        return done


@pytest.fixture(scope="module")
def vps(sandbox: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vps]:
    """One server for all tests of this file."""
    clouds.remove_all_of(NAME)
    client: Any = clouds.hetzner()  # which types every field of every resource as optional
    labels = {"stack": NAME}
    key = tmp_path_factory.mktemp("vps") / "identity"
    key.touch(mode=0o600)
    key.write_text(openssh_key())
    public = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
    ordered = client.servers.create(
        NAME,
        ServerType(name="cx23"),
        Image(name="debian-13"),
        ssh_keys=[client.ssh_keys.create(NAME, public, labels=labels)],
        location=FALKENSTEIN,
        user_data=USER_DATA,
        labels=labels,
    )
    for action in [ordered.action, *ordered.next_actions]:
        action.wait_until_finished()
    made = client.volumes.create(10, NAME, location=FALKENSTEIN, format="ext4", labels=labels)
    made.action.wait_until_finished()
    server = client.servers.get_by_id(ordered.server.id)
    made.volume.attach(server, automount=False).wait_until_finished()
    yield Vps(server, client.volumes.get_by_id(made.volume.id), key)
    clouds.remove_all_of(NAME)


def test_a_first_boot_installs_from_the_mirror_which_can_fail_once(vps: Vps) -> None:
    assert vps.run("cloud-init status --wait && ! command -v nft docker").returncode == 0
    install = "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes nftables"
    with clouds.faults(clouds.MIRROR, {"path": r"\.deb$", "status": 404}):
        done = vps.run(install)
        assert done.returncode == 100, done.stdout
        assert "404" in done.stderr
    assert vps.run(install).returncode == 0
    assert vps.run("nft --version").returncode == 0


def test_a_server_and_who_runs_on_it_read_its_user_data_at_the_metadata_address(vps: Vps) -> None:
    url = "http://169.254.169.254/hetzner/v1/userdata"
    done = vps.run(f"python3 -c 'import urllib.request; print(urllib.request.urlopen(\"{url}\").read().decode())'")
    assert done.stdout.strip() == USER_DATA.strip()
    with pytest.raises(OSError, match=r".+"):
        urllib.request.urlopen(url, timeout=2)


def test_a_mounted_volume_grows_and_its_server_comes_back_as_another_type(vps: Vps) -> None:
    device = vps.volume.linux_device
    assert vps.run(f"blkid -p -s TYPE -o value {device}").stdout == "ext4\n"
    mounted = vps.run(
        f"mkdir /mnt/poste && echo '{device} /mnt/poste ext4 noatime,nofail 0 0' >>/etc/fstab && mount /mnt/poste"
    )
    assert mounted.returncode == 0, mounted.stderr
    vps.volume.resize(20).wait_until_finished()
    grown = vps.run(f"echo kept >/mnt/poste/file && resize2fs {device}")
    assert grown.returncode == 0, grown.stderr
    size = "df --output=size -BG /mnt/poste | tail -1"
    assert vps.run(size).stdout.strip() == "20G"
    assert "noatime" in vps.run("grep /mnt/poste /proc/mounts").stdout
    vps.server.power_off().wait_until_finished()
    vps.server.change_type(ServerType(name="cx33"), upgrade_disk=False).wait_until_finished()
    clouds.eventually(lambda: "/mnt/poste" in vps.run("cat /proc/mounts").stdout, 60)
    assert vps.run(f"cat /mnt/poste/file; {size}").stdout.split() == ["kept", "20G"]
    assert "8388608 kB" in vps.run("grep MemTotal /proc/meminfo").stdout


def test_the_zones_own_name_may_lead_elsewhere_and_take_mail(zone: str) -> None:
    clouds.remove_records(zone)
    clouds.add_record(zone, zone, "CNAME", "mx.other.example")
    clouds.add_record(zone, zone, "MX", f"mail.{zone}")
    assert clouds.ask(zone, "A") == {"198.51.100.80"}
    assert clouds.ask(zone, "AAAA") == {"2001:db8:100::80"}
    assert clouds.ask(zone, "MX") == {f"5 mail.{zone}."}
