"""The sandbox's own machinery as far as it can be judged without an engine: checks, texts and the VPS's systemctl."""

import json
import os
import shutil
import socket
import struct
import subprocess
import threading
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests
from aiohttp import web

from offline.sandbox.datacentre.hypervisor import Filter, Machine
from offline.sandbox.datacentre.limits import limits_routes
from offline.sandbox.datacentre.machines.disks import LOOP_CONFIG
from offline.sandbox.datacentre.machines.meminfo import meminfo
from offline.sandbox.datacentre.machines.network import first_address
from offline.sandbox.datacentre.machines.packet_filter import ruleset
from offline.sandbox.datacentre.machines.seed import seed_files
from offline.sandbox.datacentre.model import Rule
from offline.sandbox.host import addresses, containers, engine, images, leftovers, life, network
from offline.sandbox.host.parts import BASE_IMAGE, IMAGES, INTERNET, SOURCE, WORKERD_IMAGE
from offline.sandbox.host.shell import HostError, run
from offline.sandbox.vps import resize, systemctl, units
from offline.sandbox.vps.control import Answer
from tests.support.serving import running

WANTED = ("198.51.100.0/24", "2001:db8:100::/48")
VPS = next(image for image in IMAGES if image.name == "vps")


# --- addresses


@pytest.mark.parametrize(
    ("route", "clashes"),
    [
        ("198.51.100.0/24", True),
        ("198.51.100.7/32", True),
        ("198.51.0.0/16", True),  # the sandbox would take a piece out of it
        ("198.51.101.0/24", False),
        ("0.0.0.0/0", False),
        ("128.0.0.0/1", False),  # a VPN's half of the world
        ("2001:db8:100:5::/64", True),
        ("2001:db8::/32", True),
        ("2000::/3", False),
        ("2001:db8:101::/48", False),
    ],
)
def test_a_route_clashes_when_it_shares_addresses_unless_it_leads_to_the_whole_world(route: str, clashes: bool) -> None:
    assert bool(addresses.clashes(WANTED, [ip_network(route)], [])) is clashes


def test_a_resolver_within_the_sandbox_clashes() -> None:
    assert addresses.clashes(WANTED, [], ["198.51.100.53"]) == [
        "198.51.100.0/24: the machine's resolver is 198.51.100.53"
    ]
    assert addresses.clashes(WANTED, [], ["127.0.0.53", "2001:db8::53"]) == []


def test_the_kernels_route_tables_and_resolv_conf_are_read_as_they_are() -> None:
    ipv4 = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    ipv6 = f"20010db8010000000000000000000000 30 {'0' * 32} 00 {'0' * 32} 00000100 00000003 00000000 00000001 br0\n"
    assert addresses.ipv4_routes(ipv4) == [ip_network("0.0.0.0/0"), ip_network("198.51.100.0/24")]
    assert addresses.ipv6_routes(ipv6) == [ip_network("2001:db8:100::/48")]
    assert addresses.resolvers("# made by hand\nnameserver fe80::1%eth0\nsearch example\nnameserver 127.0.0.53\n") == [
        "fe80::1",
        "127.0.0.53",
    ]


# --- images and containers


def test_an_images_content_changes_with_its_files_their_mode_and_what_it_needs_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    shutil.copytree(SOURCE, tmp_path / "sandbox")
    source = tmp_path / "sandbox"
    seen = {images.content(VPS, source)}
    (source / "vps/__pycache__").mkdir(exist_ok=True)
    (source / "vps/__pycache__/init.pyc").write_bytes(b"compiled")
    (source / "poste/new").write_text("another image's")
    assert images.content(VPS, source) in seen
    (source / "vps/new").write_text("#!/bin/sh\n")
    seen.add(images.content(VPS, source))
    (source / "vps/new").chmod(0o755)
    seen.add(images.content(VPS, source))
    assert len(seen) == 3
    internet = next(image for image in IMAGES if image.name == "internet")
    before = images.content(internet, source)
    with (source / "packages/names").open("a") as names:  # in an image that this one takes files from
        names.write("jq\n")
    assert images.content(internet, source) != before


def test_every_image_has_its_dockerfile_and_sources() -> None:
    for image in IMAGES:
        assert (SOURCE / image.name / "Dockerfile").is_file()
        assert all((SOURCE / name).exists() for name in image.sources)


def test_a_container_is_current_only_if_it_runs_the_image_built_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "built_content", lambda _tag: "new")
    assert containers.is_current(INTERNET, {"Config": {"Labels": {"poste-mail-sandbox.content": "new"}}})
    assert not containers.is_current(INTERNET, {"Config": {"Labels": {"poste-mail-sandbox.content": "old"}}})
    assert not containers.is_current(INTERNET, {"Config": {"Labels": {}}})


def test_a_failed_command_says_which_and_why() -> None:
    with pytest.raises(HostError, match=r"'ls /nowhere' failed:\n  ls: .*nowhere"):
        run("ls", "/nowhere")
    with pytest.raises(HostError, match="'no-such-program' is not installed"):
        run("no-such-program")


# --- the hypervisor's texts


def test_a_servers_rules_return_to_the_forward_chain_and_the_rest_is_dropped() -> None:
    rules = [
        Rule("in", "tcp", "22", ("198.51.100.1/32",)),
        Rule("in", "tcp", "80-85", ("0.0.0.0/0", "::/0")),
        Rule("in", "udp", "any", ("::/0",)),
        Rule("in", "icmp", None, ("0.0.0.0/0", "::/0")),
    ]
    lines = [line.strip() for line in ruleset({7: Filter(rules, None)}, outbound_mail=True).splitlines()]
    chain = lines[lines.index("chain in_7 {") + 1 : lines.index("drop")]
    assert chain == [
        "ip saddr { 198.51.100.1/32 } tcp dport 22 return",
        "ip saddr { 0.0.0.0/0 } tcp dport 80-85 return",
        "ip6 saddr { ::/0 } tcp dport 80-85 return",
        "ip6 saddr { ::/0 } meta l4proto udp return",
        "ip saddr { 0.0.0.0/0 } meta l4proto icmp return",
        "ip6 saddr { ::/0 } meta l4proto ipv6-icmp return",
    ]
    assert 'oifname vmap { "vps7" : jump in_7 }' in lines
    assert not any(line.startswith("iifname") for line in lines)


def test_outbound_rules_match_destinations_and_an_open_server_has_no_chain() -> None:
    text = ruleset(
        {7: Filter(None, [Rule("out", "udp", "53", ("198.51.100.54/32",))]), 8: Filter(inbound=None, outbound=None)},
        outbound_mail=True,
    )
    assert "ip daddr { 198.51.100.54/32 } udp dport 53 return" in text
    assert 'iifname vmap { "vps7" : jump out_7 }' in text
    assert "_8" not in text


def test_until_it_is_asked_hetzner_lets_no_server_send_mail_whatever_its_firewalls_say() -> None:
    rules = [Rule("out", "tcp", "25", ("0.0.0.0/0", "::/0"))]
    blocked = [line.strip() for line in ruleset({7: Filter(None, rules)}, outbound_mail=False).splitlines()]
    forward = blocked[blocked.index("chain forward {") + 2 :]
    assert forward[:2] == ['iifname "vps*" tcp dport { 25, 465 } drop', "ct state established,related accept"]
    assert "drop" not in "".join(ruleset({7: Filter(None, None)}, outbound_mail=True))


@dataclass
class Account:
    """A new one."""

    outbound_mail: bool = False


def test_whether_servers_may_send_mail_is_asked_for_and_told() -> None:
    hypervisor, refiltered = Account(), list[bool]()

    async def refilter() -> None:
        refiltered.append(hypervisor.outbound_mail)

    app = web.Application()
    app.add_routes(limits_routes(hypervisor, refilter))
    with running(app) as url:
        limits = f"{url}/_sandbox/limits"
        assert requests.get(limits, timeout=60).json() == {"outbound_mail": False}
        assert requests.post(limits, json={"outbound_mail": True}, timeout=60).json() == {"outbound_mail": True}
        assert requests.post(limits, json={"outbound_mail": "yes"}, timeout=60).status_code == 400
    assert refiltered == [True]


def test_a_server_boots_from_a_seed_with_its_user_data_keys_and_name() -> None:
    machine = Machine(42, "mail.club.example", "fsn1", 2, 4.0, None, None, "#cloud-config\n", ("ssh-ed25519 A",), ())
    files = seed_files(machine)
    assert files["user-data"] == "#cloud-config\n"
    metadata = json.loads(files["meta-data"])
    assert (metadata["instance-id"], metadata["local-hostname"]) == ("42", "mail.club.example")
    assert metadata["public-keys"] == ["ssh-ed25519 A"]


def test_a_servers_memory_is_its_types() -> None:
    lines = dict(line.split(":") for line in meminfo(4.0).splitlines())
    assert lines["MemTotal"].split() == ["4194304", "kB"]
    assert int(lines["MemAvailable"].split()[0]) < 4_194_304


def test_the_loop_configuration_has_the_kernels_size() -> None:
    assert struct.calcsize(LOOP_CONFIG) == 304  # sizeof(struct loop_config), linux/loop.h


def test_a_server_uses_the_first_address_of_its_network() -> None:
    assert first_address("2001:db8:100:100::/64") == "2001:db8:100:100::1"


# --- the VPS's systemctl


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What systemctl asks init for; init does it all."""
    requests: list[tuple[str, str]] = []

    def ask(verb: str, unit: str = "", *, wait: bool = True) -> Answer:
        requests.append((verb, unit))
        return Answer(0)

    monkeypatch.setattr(systemctl, "ask", ask)
    monkeypatch.setattr(units, "SYSTEM", tmp_path / "etc")
    monkeypatch.setattr(units, "UNIT_FILES", tmp_path / "lib")
    (tmp_path / "lib").mkdir()
    for name, target in (("docker", "multi-user"), ("ssh", "multi-user"), ("nftables", "sysinit")):
        (tmp_path / f"lib/{name}.service").write_text(f"[Unit]\n[Install]\nWantedBy={target}.target\n")
    return requests


def test_enabling_with_now_also_starts_and_disabling_undoes_it(
    asked: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert systemctl.main(["enable", "--now", "docker"]) == 0
    assert asked == [("start", "docker.service")]
    assert systemctl.main(["is-enabled", "docker.service"]) == 0
    assert systemctl.main(["disable", "docker"]) == 0
    assert systemctl.main(["is-enabled", "docker"]) == 1
    assert capsys.readouterr().out == "enabled\ndisabled\n"


def test_a_package_enables_its_service_and_another_target_counts_too(
    asked: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert systemctl.main(["--root=/", "--system", "--preset-mode=enable-only", "preset", "nftables.service"]) == 0
    assert (tmp_path / "etc/sysinit.target.wants/nftables.service").is_symlink()
    assert systemctl.main(["--system", "is-enabled", "--", "nftables.service"]) == 0
    assert systemctl.main(["preset", "docker.mount"]) == 0  # which the stand-in does not run
    assert asked == []


@pytest.mark.usefixtures("asked")
def test_a_service_is_there_when_its_package_is_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib/docker.service").unlink()
    assert systemctl.main(["enable", "--now", "docker"]) == 1
    assert capsys.readouterr().err == "Failed to enable unit: Unit docker.service does not exist\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["start", "nothing"], 5, "Failed to start nothing.service: Unit nothing.service not found."),
        (["enable", "nothing"], 1, "Failed to enable unit: Unit nothing.service does not exist"),
        (["is-active", "nothing"], 4, "inactive"),
        (["is-enabled", "nothing"], 4, "not-found"),
        (["isolate", "ssh"], 1, "Unknown command verb 'isolate'."),
        (["--frobnicate", "start", "ssh"], 1, "systemctl: unrecognized option '--frobnicate'"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_the_real_systemctl_refuses_is_refused_in_its_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    assert systemctl.main(arguments) == status
    printed = capsys.readouterr()
    assert (printed.out or printed.err).strip() == said


@pytest.mark.parametrize(
    ("arguments", "request_made"),
    [
        (["restart", "sshd"], ("restart", "sshd.service")),
        (["reload-or-restart", "ssh"], ("restart", "ssh.service")),
        (["reboot"], ("reboot", "")),
    ],
)
def test_changes_are_left_to_init(
    asked: list[tuple[str, str]], arguments: list[str], request_made: tuple[str, str]
) -> None:
    assert systemctl.main(arguments) == 0
    assert asked == [request_made]


# --- the VPS's resize2fs

MOUNTINFO = """\
25 1 0:22 / / rw,relatime master:1 - overlay overlay rw,lowerdir=a
31 25 7:3 / /mnt/poste rw,noatime - ext4 /dev/sdb rw,discard
32 25 7:4 / /mnt/other rw - ext4 /dev/sdc rw
"""


class Tools:
    """The programs that resize2fs calls: each call noted, with answers by their first words."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers = answers
        self.calls: list[str] = []
        self.resized = False

    def __call__(self, *command: str) -> "subprocess.CompletedProcess[str]":
        line = " ".join(command)
        self.calls.append(line)
        if command[0] == resize.REAL and not self.resized and not self.unmounted:
            return subprocess.CompletedProcess(command, 1, "", f"resize2fs: {resize.REFUSED}\n")
        for words, (status, output, error) in self.answers.items():
            if line.startswith(words.replace("_", " ")):
                return subprocess.CompletedProcess(command, status, output, error)
        return subprocess.CompletedProcess(command, 0, "", "")

    @property
    def unmounted(self) -> bool:
        return any(call.startswith("umount") for call in self.calls)

    def changes(self) -> list[str]:
        """What was done, without what was only looked at."""
        looks = ("docker version", "docker ps", "docker inspect")
        return [call for call in self.calls if not call.startswith(looks)]


CONTAINERS = json.dumps(
    [
        {"Id": "poste", "Mounts": [{"Source": "/mnt/poste/data"}]},
        {"Id": "elsewhere", "Mounts": [{"Source": "/mnt/poster"}]},
    ]
)


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/sdb is mounted as in MOUNTINFO."""
    monkeypatch.setattr(
        resize, "mounts_of_path", lambda _device: resize.mounts_of(os.makedev(7, 3), MOUNTINFO.splitlines())
    )


def test_what_the_kernel_lets_grow_is_left_to_the_real_resize2fs(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools()
    tools.resized = True
    monkeypatch.setattr(resize, "_run", tools)
    assert resize.main(["/dev/sdb"]) == 0
    assert tools.calls == ["/usr/sbin/resize2fs /dev/sdb"]


@pytest.mark.usefixtures("mounted")
def test_a_mounted_file_system_grows_while_its_containers_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools(docker_ps=(0, "a b\n", ""), docker_inspect=(0, CONTAINERS, ""))
    monkeypatch.setattr(resize, "_run", tools)
    assert resize.main(["/dev/sdb"]) == 0
    assert tools.changes() == [
        "/usr/sbin/resize2fs /dev/sdb",
        "docker stop poste",
        "umount /mnt/poste",
        "e2fsck -f -p /dev/sdb",
        "/usr/sbin/resize2fs /dev/sdb",
        "mount -o rw,noatime,discard /dev/sdb /mnt/poste",
        "docker start poste",
    ]


@pytest.mark.usefixtures("mounted")
@pytest.mark.parametrize(
    ("failing", "answer", "last"),
    [
        (
            "e2fsck",
            (4, "", "UNEXPECTED INCONSISTENCY"),
            ["mount -o rw,noatime,discard /dev/sdb /mnt/poste", "docker start poste"],
        ),
        ("umount", (32, "", "target is busy"), ["docker start poste"]),
    ],
)
def test_a_resize_that_fails_says_why_and_leaves_all_running_as_before(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str,
    answer: tuple[int, str, str],
    last: list[str],
) -> None:
    tools = Tools(docker_ps=(0, "a b\n", ""), docker_inspect=(0, CONTAINERS, ""), **{failing: answer})
    monkeypatch.setattr(resize, "_run", tools)
    assert resize.main(["/dev/sdb"]) != 0
    assert answer[2] in capsys.readouterr().err
    assert tools.changes()[-len(last) :] == last


def test_only_whole_file_systems_are_unmounted() -> None:
    part = MOUNTINFO.replace("7:3 / /mnt/poste", "7:3 /data /mnt/part")
    with pytest.raises(resize.ResizeError, match="/mnt/part shows a part"):
        resize.mounts_of(os.makedev(7, 3), part.splitlines())


# --- taking down


@pytest.fixture
def sleeping_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that does not run; what is done to it and with it, in order."""
    done: list[str] = []
    monkeypatch.setattr(life, "STATE", tmp_path)
    monkeypatch.setattr(engine, "is_running", lambda: "start" in done)
    monkeypatch.setattr(engine, "is_installed", lambda: True)
    monkeypatch.setattr(engine, "ensure", lambda: done.append("start"))
    monkeypatch.setattr(engine, "stop_ours", lambda: done.append("stop"))
    monkeypatch.setattr(leftovers, "servers", list)
    monkeypatch.setattr(leftovers, "remove_control_groups", lambda: None)
    monkeypatch.setattr(containers, "remove", lambda _part: False)
    monkeypatch.setattr(network, "remove", lambda: False)

    def succeeds(*command: str) -> bool:
        done.append(" ".join(command))
        return True

    monkeypatch.setattr(life, "succeeds", succeeds)
    return done


def test_a_purge_wakes_an_engine_that_does_not_run_to_remove_the_images(sleeping_engine: list[str]) -> None:
    life.down(purge=True)
    assert sleeping_engine[0] == "start"
    assert sleeping_engine[-1] == "stop"
    removed = {line.split()[-1] for line in sleeping_engine if line.startswith("docker image rm")}
    assert removed == {*(image.tag for image in IMAGES), WORKERD_IMAGE, BASE_IMAGE}
    assert "docker volume rm poste-mail-registry" in sleeping_engine


def test_without_a_running_engine_there_is_nothing_else_to_take_down(
    sleeping_engine: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    life.down(purge=False)
    monkeypatch.setattr(engine, "is_installed", lambda: False)
    life.down(purge=True)  # and no engine is installed for it
    assert sleeping_engine == []
    assert capsys.readouterr().out.count("no Docker engine runs: nothing to take down") == 2


# --- engine


def test_what_a_killed_engine_left_is_removed_and_a_living_ones_pid_stays(tmp_path: Path) -> None:
    (tmp_path / "docker/containerd").mkdir(parents=True)
    killed = subprocess.Popen(["sleep", "60"])
    killed.kill()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet collected
    program = tmp_path / "containerd"
    program.symlink_to(shutil.which("sleep") or "sleep")
    living = subprocess.Popen([str(program), "60"])
    try:
        (tmp_path / "docker.pid").write_text(str(killed.pid))
        (tmp_path / "docker/containerd/containerd.pid").write_text(str(living.pid))
        engine.clear_stale_pid_files(tmp_path)
        assert not (tmp_path / "docker.pid").exists()
        assert (tmp_path / "docker/containerd/containerd.pid").exists()
    finally:
        killed.wait()
        living.kill()
        living.wait()


def test_a_port_that_another_has_for_a_moment_only_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not addresses.comes_free(port, 0.2)
        threading.Timer(0.3, server.close).start()
        assert addresses.comes_free(port, 60)
