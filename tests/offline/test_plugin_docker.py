"""The stand-in for Pulumi's docker plugin, through an `ssh` that leads to a Docker engine of nothing but memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc

from offline.toolchain.plugins.common.server import Servicer
from offline.toolchain.plugins.docker.durations import duration
from offline.toolchain.plugins.docker.images import pull_reference, repo_digest
from offline.toolchain.plugins.docker.ports import same_ports
from offline.toolchain.plugins.docker.provider import DockerProvider
from offline.toolchain.plugins.docker.ssh import dial_command
from tests.support.docker_engine import DockerEngine
from tests.support.plugin_engine import Engine, Refused, secret

PROVIDER = "urn:pulumi:dev::poste-mail::pulumi:providers:docker::vps"
IMAGE = "urn:pulumi:dev::poste-mail::docker:index/remoteImage:RemoteImage::poste"
CONTAINER = "urn:pulumi:dev::poste-mail::docker:index/container:Container::poste"

NAME = "analogic/poste.io:2.5.11"
ID = "sha256:" + "1" * 64
DIGEST = "sha256:" + "2" * 64
ANY_IPV4 = "0.0.0.0"  # noqa: S104  (what Docker calls a port published on all addresses)
OPTIONS = ["-i", "/keys/id", "-o", "UserKnownHostsFile=/keys/known_hosts"]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    monkeypatch.setenv("PATH", str(tmp_path))
    with DockerEngine(tmp_path) as running:
        running.add_image(NAME, ID, f"analogic/poste.io@{DIGEST}")
        yield running


@pytest.fixture
def engine() -> Engine:
    engine = Engine(Servicer([], "5.2.0", DockerProvider(), ""))
    engine.configure({"host": "ssh://root@198.51.100.130:22", "sshOpts": json.dumps(OPTIONS)})
    return engine


def container(**inputs: Any) -> dict[str, Any]:
    return {"name": "poste", "image": NAME, **inputs}


def test_the_engine_is_reached_through_ssh_with_the_given_options(docker: DockerEngine, engine: Engine) -> None:
    engine.create(IMAGE, {"name": NAME})
    expected = ["-l", "root", "-p", "22", *OPTIONS, "-o ConnectTimeout=30", "-T"]
    assert docker.ssh_calls()[0] == [*expected, "--", "198.51.100.130", "docker system dial-stdio"]


@pytest.mark.parametrize(
    ("host", "options", "command"),
    [
        ("ssh://vps", [], "ssh|-o ConnectTimeout=30|-T|--|vps|docker system dial-stdio"),
        ("ssh://me@[2001:db8::1]:2222", ["-T"], "ssh|-l|me|-p|2222|-T|-o ConnectTimeout=30|--|2001:db8::1|docker …"),
        ("ssh://vps", ["-o", "ConnectTimeout=5"], "ssh|-o|ConnectTimeout=5|-T|--|vps|docker system dial-stdio"),
        ("ssh://vps/run/d.sock", ["-T"], "ssh|-T|-o …|--|vps|docker --host=unix:///run/d.sock system dial-stdio"),
    ],
)
def test_the_ssh_command_line_is_the_one_of_dockers_own_client(host: str, options: list[str], command: str) -> None:
    expected = command.replace("docker …", "docker system dial-stdio").replace("-o …", "-o ConnectTimeout=30")
    assert dial_command(host, options) == expected.split("|")


def test_a_failing_ssh_is_reported_with_what_it_said(docker: DockerEngine, engine: Engine) -> None:
    (docker.folder / "engine").unlink()
    with pytest.raises(Refused, match=r"ssh://root@198\.51\.100\.130:22 is reachable: ssh ended.*Connection refused"):
        engine.create(IMAGE, {"name": NAME})


def test_a_preview_needs_no_reachable_host(engine: Engine) -> None:
    _, image = engine.create(IMAGE, {"name": NAME}, preview=True)
    assert (image["imageId"], image["repoDigest"]) == (rpc.UNKNOWN, rpc.UNKNOWN)
    _, made = engine.create(CONTAINER, container(image=rpc.UNKNOWN, stopTimeout=5), preview=True)
    assert (made["image"], made["hostname"], made["stopTimeout"], made["restart"]) == (
        rpc.UNKNOWN,
        rpc.UNKNOWN,
        5,
        "no",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"registryAuth": "[]"}, "not supported by the offline stand-in"),
        ({"sshOpts": '"-i key"'}, "expected a list of texts"),
        ({"sshOpts": "-i key"}, "expected a list of texts"),
        ({"hosts": "ssh://a"}, "Invalid or unknown key"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(engine: Engine, settings: dict[str, Any], message: str) -> None:
    _, failures = engine.check_config(PROVIDER, settings)
    assert len(failures) == 1
    assert message in failures[0]


def test_ssh_options_are_recorded_as_the_real_plugin_does(engine: Engine) -> None:
    settings, failures = engine.check_config(PROVIDER, {"sshOpts": json.dumps(OPTIONS)})
    assert not failures
    assert settings["sshOpts"] == '["-i","/keys/id","-o","UserKnownHostsFile=/keys/known_hosts"]'


def test_an_address_with_a_password_is_refused_without_showing_it(engine: Engine) -> None:
    with pytest.raises(Refused, match="password") as error:
        engine.configure({"host": "ssh://root:hunter2@vps"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "host", ["ssh://root@198.18.0.77", "SSH://root@198.18.0.77", "tcp://198.18.0.77:2375", "vps:2375"]
)
def test_a_docker_engine_that_is_not_on_this_machine_is_refused(engine: Engine, host: str) -> None:
    with pytest.raises(Refused, match=r"stand-in for the docker plugin.*install Pulumi's own"):
        engine.configure({"host": host})


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "HostName=198.18.0.77"],
        ["-ohostname 198.18.0.77"],
        ["-J", "198.18.0.77"],
        ["-o ProxyCommand=nc 198.18.0.77 22"],
    ],
)
def test_ssh_options_that_lead_away_from_this_machine_are_refused(engine: Engine, options: list[str]) -> None:
    with pytest.raises(Refused, match="the host to which sshOpts lead is neither"):
        engine.configure({"host": "ssh://root@198.51.100.130", "sshOpts": json.dumps(options)})


def test_options_of_the_program_itself_lead_nowhere_else(engine: Engine) -> None:
    options = ["-o", "HostKeyAlias=mail.club.example", "-o", "IdentityFile=id", "-o", "ConnectTimeout=15"]
    engine.configure({"host": "ssh://root@198.51.100.130", "sshOpts": json.dumps(options)})


def test_an_image_that_is_there_is_not_pulled_and_a_missing_one_is(docker: DockerEngine, engine: Engine) -> None:
    id_, state = engine.create(IMAGE, {"name": NAME, "keepLocally": True})
    assert id_ == ID + NAME
    assert (state["imageId"], state["repoDigest"]) == (ID, f"analogic/poste.io@{DIGEST}")
    assert not docker.asked("POST", "images/create")
    pinned = f"{NAME}@{DIGEST}"
    docker.registry[f"analogic/poste.io@{DIGEST}"] = docker.images[pinned] = {"Id": ID}
    del docker.images[pinned]
    with pytest.raises(Refused, match="unable to find or pull image"):
        # This engine knows the image by its digest only; the real one also by tag and digest together.
        engine.create(IMAGE, {"name": pinned})
    assert docker.asked("POST", "images/create") == [{"fromImage": "analogic/poste.io", "tag": DIGEST}]
    with pytest.raises(Refused, match=r"manifest for analogic/poste\.io:9 not found"):
        engine.create(IMAGE, {"name": "analogic/poste.io:9"})


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("poste", ("poste", "latest")),
        ("analogic/poste.io:2", ("analogic/poste.io", "2")),
        ("127.0.0.1:47003/analogic/poste.io", ("127.0.0.1:47003/analogic/poste.io", "latest")),
        ("127.0.0.1:47003/poste:2@sha256:ab", ("127.0.0.1:47003/poste", "sha256:ab")),
    ],
)
def test_what_is_pulled_is_repository_and_tag_or_rather_digest(name: str, reference: tuple[str, str]) -> None:
    assert pull_reference(name) == reference


def test_of_several_digests_the_one_of_the_names_repository_is_told() -> None:
    digests = ["other@sha256:1", "analogic/poste.io@sha256:2"]
    assert repo_digest(NAME, {"RepoDigests": digests}) == digests[1]
    assert repo_digest("third:1", {"RepoDigests": digests}) == digests[0]
    assert repo_digest("third:1", {"RepoDigests": digests[1:]}) == digests[1]
    assert repo_digest(NAME, {}) == ""


def test_an_image_changes_in_place_only_in_how_it_is_removed(docker: DockerEngine, engine: Engine) -> None:
    inputs = {"name": NAME, "triggers": {"server": "1"}}
    _, state = engine.create(IMAGE, inputs)
    assert list(engine.diff(IMAGE, state, inputs | {"keepLocally": True}).replaces) == []
    for change in ({"name": "other"}, {"triggers": {"server": "2"}}):
        assert list(engine.diff(IMAGE, state, inputs | change).replaces) == list(change)
    assert "not supported by the offline stand-in" in engine.check(IMAGE, inputs | {"platform": "linux/arm64"})[1][0]
    engine.delete(IMAGE, ID + NAME, state | {"keepLocally": True})
    assert NAME in docker.images
    engine.delete(IMAGE, ID + NAME, state)
    assert NAME not in docker.images
    assert engine.read(IMAGE, ID + NAME, state, inputs)[0] == ""


def test_a_container_is_created_with_what_the_inputs_say(docker: DockerEngine, engine: Engine) -> None:
    inputs = container(
        hostname="mail.club.example",
        entrypoints=["/bin/sh", "-c", "exec /init"],
        envs=["HTTPS=ON"],
        labels=[{"label": "stack", "value": "dev"}],
        ports=[{"internal": 25, "external": 25}, {"internal": 53, "external": 53, "protocol": "udp", "ip": "::1"}],
        mounts=[{"type": "bind", "source": "/mnt/poste/data", "target": "/data"}],
        restart="unless-stopped",
        logDriver="json-file",
        logOpts={"max-size": "1m"},
        stopTimeout=60,
        networkMode="host",
    )
    engine.create(CONTAINER, inputs)
    (body,) = docker.asked("POST", "containers/create")
    assert body == {
        "Image": NAME,
        "Hostname": "mail.club.example",
        "Entrypoint": ["/bin/sh", "-c", "exec /init"],
        "Env": ["HTTPS=ON"],
        "Labels": {"stack": "dev"},
        "ExposedPorts": {"25/tcp": {}, "53/udp": {}},
        "StopTimeout": 60,
        "HostConfig": {
            "PortBindings": {
                "25/tcp": [{"HostIp": ANY_IPV4, "HostPort": "25"}],
                "53/udp": [{"HostIp": "::1", "HostPort": "53"}],
            },
            "Mounts": [{"Type": "bind", "Target": "/data", "Source": "/mnt/poste/data", "ReadOnly": False}],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "Init": False,
            "NetworkMode": "host",
        },
    }


def test_a_container_without_a_name_is_named_after_the_resource(docker: DockerEngine, engine: Engine) -> None:
    engine.create(CONTAINER, {"image": NAME})
    (made,) = docker.containers.values()
    assert made["Name"].startswith("/poste-")


def test_a_second_preview_and_a_refresh_find_nothing_to_do(docker: DockerEngine, engine: Engine) -> None:
    inputs = container(
        image=ID,
        envs=["B=2", "A=1"],
        labels=[{"label": "b", "value": "2"}, {"label": "a", "value": "1"}],
        ports=[{"internal": 993, "external": 993}, {"internal": 25, "external": 25}],
        mounts=[{"type": "bind", "source": "/data", "target": "/data"}],
        restart="always",
    )
    docker.images[ID] = docker.images[NAME]
    id_, state = engine.create(CONTAINER, inputs)
    assert not engine.diff(CONTAINER, state, inputs).diffs
    found, refreshed = engine.read(CONTAINER, id_, state, engine.checked(CONTAINER, inputs))
    assert found == id_
    assert not engine.diff(CONTAINER, refreshed, inputs).diffs
    reordered = inputs | {"envs": ["A=1", "B=2"], "ports": inputs["ports"][::-1], "labels": inputs["labels"][::-1]}
    assert not engine.diff(CONTAINER, refreshed, reordered).diffs


def test_most_changes_replace_the_container_which_is_deleted_first(docker: DockerEngine, engine: Engine) -> None:
    assert docker.images
    _, state = engine.create(CONTAINER, container(hostname="a", ports=[{"internal": 25, "external": 25}]))
    for change in (
        {"image": "other"},
        {"name": "other"},
        {"hostname": "b"},
        {"envs": ["A=1"]},
        {"ports": [{"internal": 25, "external": 2525}]},
        {"ports": [{"internal": 25, "external": 25, "ip": "127.0.0.1"}]},
        {"mounts": [{"type": "bind", "source": "/d", "target": "/d"}]},
        {"logOpts": {"max-size": "1m"}},
    ):
        inputs = container(hostname="a", ports=[{"internal": 25, "external": 25}]) | change
        diff = engine.diff(CONTAINER, state, inputs)
        assert (list(diff.replaces), diff.deleteBeforeReplace) == (list(change), True)


def test_the_restart_policy_changes_in_place(docker: DockerEngine, engine: Engine) -> None:
    id_, state = engine.create(CONTAINER, container())
    changed = container(restart="always", destroyGraceSeconds=5)
    diff = engine.diff(CONTAINER, state, changed)
    assert (list(diff.diffs), list(diff.replaces)) == (["destroyGraceSeconds", "restart"], [])
    state = engine.update(CONTAINER, id_, state, changed)
    assert docker.asked("POST", "/update") == [{"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}]
    assert not engine.diff(CONTAINER, state, changed).diffs
    engine.update(CONTAINER, id_, state, changed | {"destroyGraceSeconds": 6})
    assert len(docker.asked("POST", "/update")) == 1


def test_another_folder_in_a_mount_is_an_update_that_does_nothing_as_with_the_real_plugin(
    docker: DockerEngine, engine: Engine
) -> None:
    mounts = [{"type": "bind", "source": "/a", "target": "/data"}]
    id_, state = engine.create(CONTAINER, container(mounts=mounts))
    changed = container(mounts=[mounts[0] | {"source": "/b"}])
    diff = engine.diff(CONTAINER, state, changed)
    assert (list(diff.detailedDiff), list(diff.replaces)) == (["mounts[0].source"], [])
    engine.update(CONTAINER, id_, state, changed)
    assert docker.containers[id_]["HostConfig"]["Mounts"][0]["Source"] == "/a"


def test_a_stopped_container_shows_as_drift_and_is_started_again(docker: DockerEngine, engine: Engine) -> None:
    inputs = container()
    id_, state = engine.create(CONTAINER, inputs)
    docker.containers[id_]["State"] |= {"Running": False, "ExitCode": 137}
    _, state = engine.read(CONTAINER, id_, state, engine.checked(CONTAINER, inputs))
    assert (state["mustRun"], state["exitCode"]) == (False, 137)
    diff = engine.diff(CONTAINER, state, inputs)
    assert (list(diff.diffs), list(diff.replaces)) == (["mustRun"], [])
    engine.update(CONTAINER, id_, state, inputs)
    assert docker.containers[id_]["State"]["Running"]


def test_a_container_that_is_gone_is_forgotten(docker: DockerEngine, engine: Engine) -> None:
    id_, state = engine.create(CONTAINER, container())
    docker.containers.clear()
    assert engine.read(CONTAINER, id_, state, container())[0] == ""
    engine.delete(CONTAINER, id_, state)


def test_a_container_that_does_not_start_is_recorded_and_replaced_by_the_next_run(
    docker: DockerEngine, engine: Engine
) -> None:
    docker.fail["start"] = "port is already allocated"
    inputs = container(envs=secret(["PASSWORD=hunter2"]))
    with pytest.raises(Refused, match=r"Unable to start container: .*port is already allocated") as error:
        engine.create(CONTAINER, inputs)
    assert error.value.made is not None
    id_, state = error.value.made
    assert id_ in docker.containers
    assert state["envs"] == secret(["PASSWORD=hunter2"])
    diff = engine.diff(CONTAINER, state, inputs)
    assert list(diff.replaces)
    assert diff.deleteBeforeReplace


def test_a_name_that_is_taken_is_an_error_and_nothing_is_recorded(docker: DockerEngine, engine: Engine) -> None:
    assert docker.images
    engine.create(CONTAINER, container())
    with pytest.raises(Refused, match=r"Unable to create container: .*already in use") as error:
        engine.create(CONTAINER, container())
    assert error.value.made is None


@pytest.mark.parametrize(("inputs", "seconds"), [({}, "0"), ({"destroyGraceSeconds": 45}, "45")])
def test_a_container_is_killed_at_once_unless_it_has_grace_seconds(
    docker: DockerEngine, engine: Engine, inputs: dict[str, Any], seconds: str
) -> None:
    id_, state = engine.create(CONTAINER, container(**inputs))
    engine.delete(CONTAINER, id_, state)
    assert not docker.containers
    assert docker.asked("POST", "/stop") == [{"t": seconds}]
    ((_, _, query),) = [request for request in docker.requests if request[0] == "DELETE"]
    assert (query["v"], query["force"]) == ("True", "True")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"gpus": "all"}, "not supported by the offline stand-in"),
        ({"attach": True}, "not supported by the offline stand-in"),
        ({"imagename": "x"}, "Invalid or unknown key"),
        ({"restart": "sometimes"}, "'sometimes' does not match"),
        ({"memory": 512}, "not supported by the offline stand-in"),
        ({"uploads": [{"file": "/a", "content": "b"}]}, "not supported by the offline stand-in"),
        ({"networksAdvanced": [{"name": "a"}]}, "not supported by the offline stand-in"),
        ({"healthcheck": {"tests": ["NONE"]}}, "not supported by the offline stand-in"),
        ({"mounts": [{"type": "tmpfs", "target": "/a", "tmpfsOptions": {"mode": 1}}]}, "mounts[0].tmpfsOptions"),
        ({"mounts": [{"type": "nfs", "target": "/a"}]}, "'nfs' does not match"),
        ({"mounts": [{"type": "bind"}]}, '"target" is required'),
    ],
)
def test_inputs_that_cannot_be_used_are_refused(engine: Engine, inputs: dict[str, Any], message: str) -> None:
    _, failures = engine.check(CONTAINER, container(**inputs))
    assert len(failures) == 1
    assert message in failures[0]


def test_defaults_are_those_of_the_real_plugin(engine: Engine) -> None:
    inputs = engine.checked(CONTAINER, container(ports=[{"internal": 25}]))
    assert inputs["__defaults"] == [
        "containerReadRefreshTimeoutMilliseconds",
        "mustRun",
        "networkMode",
        "removeVolumes",
        "restart",
        "start",
        "waitTimeout",
    ]
    (port,) = inputs["ports"]
    assert (port["ip"], port["protocol"], port["__defaults"]) == (ANY_IPV4, "tcp", ["ip", "protocol"])


@pytest.mark.parametrize(
    ("text", "count"),
    [("0s", 0), ("500ms", 5 * 10**8), ("5s", 5 * 10**9), ("1m30s", 9 * 10**10), ("1h0m0s", 36 * 10**11)],
)
def test_durations_are_written_as_go_does(text: str, count: int) -> None:
    assert duration(count) == text


def test_ports_are_the_same_in_any_order_but_not_published_elsewhere() -> None:
    smtp = {"internal": 25, "external": 25, "ip": ANY_IPV4, "protocol": "tcp"}
    imap = smtp | {"internal": 993, "external": 993}
    assert same_ports([smtp, imap], [imap, smtp])
    assert not same_ports([smtp, imap], [smtp])
    assert not same_ports([smtp], [smtp | {"external": 2525}])
    assert not same_ports([smtp], [smtp | {"protocol": "udp"}])
