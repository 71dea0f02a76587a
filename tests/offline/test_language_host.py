"""The offline Python language host's answers over gRPC."""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2 as pb

from tests.support.language_hosts import ROOT, Host, program, running_host


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_host(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture
def host(shared_host: Host) -> Host:
    """The module's host in an empty folder; tests that end it or address it start their own."""
    for leftover in shared_host.folder.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover.name != "executor":
            leftover.unlink()
    return shared_host


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    with running_host(tmp_path) as host:
        yield host


def received(host: Host) -> dict[str, Any]:
    """What the program's executor was given."""
    content: dict[str, Any] = json.loads((host.folder / "received").read_text())
    return content


def test_required_packages_are_the_installed_ones_with_their_plugins_versions(host: Host) -> None:
    response = host.stub.GetRequiredPackages(pb.GetRequiredPackagesRequest(info=program(host.folder)))
    found = {(package.name, package.version, package.kind) for package in response.packages}
    pinned = re.findall(r"^pulumi-(?!policy)(\w+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert found == {(name, f"v{version}", "resource") for name, version in pinned}
    assert ("hcloud", "v1.43.0", "resource") in found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pass", pb.RunResponse()),
        ("sys.exit(32)", pb.RunResponse(bail=True)),
        ("sys.exit(7)", pb.RunResponse(error="program exited with non-zero exit code: 7")),
        ("os.kill(os.getpid(), 9)", pb.RunResponse(error="program was ended by SIGKILL")),
    ],
)
def test_the_programs_exit_code_decides_the_answer(host: Host, line: str, expected: pb.RunResponse) -> None:
    assert host.stub.Run(pb.RunRequest(info=program(host.folder, line))) == expected


def test_what_the_program_prints_is_the_hosts_output(own_host: Host) -> None:
    own_host.stub.Run(
        pb.RunRequest(info=program(own_host.folder, "print('to out'); print('to error', file=sys.stderr)"))
    )
    assert own_host.output() == "to out\nto error\n"


def test_the_executor_gets_the_run_on_its_command_line_and_the_configuration_in_its_environment(host: Host) -> None:
    request = pb.RunRequest(
        info=program(host.folder, "pass"),
        project="mail",
        stack="dev",
        monitor_address="127.0.0.1:2",
        dryRun=True,
        parallel=4,
        config={"mail:password": "open sesame"},
        configSecretKeys=["mail:password"],
    )
    host.stub.Run(request)
    arguments, environment = received(host)["arguments"], received(host)["environment"]
    options = dict(zip(arguments[:-1:2], arguments[1::2], strict=True))
    assert options == {
        "--monitor": "127.0.0.1:2",
        "--engine": "127.0.0.1:1",
        "--project": "mail",
        "--root_directory": str(host.folder),
        "--stack": "dev",
        "--dry_run": "true",
        "--parallel": "4",
    }
    assert arguments[-1] == "pass"
    assert json.loads(environment["PULUMI_CONFIG"]) == {"mail:password": "open sesame"}
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["mail:password"]
    assert "open sesame" not in " ".join(arguments)


def test_a_handshake_names_the_engine_that_programs_report_to(own_host: Host) -> None:
    own_host.stub.Handshake(pb.LanguageHandshakeRequest(engine_address="127.0.0.1:3"))
    own_host.stub.Run(pb.RunRequest(info=program(own_host.folder, "pass")))
    assert "127.0.0.1:3" in received(own_host)["arguments"]


def test_a_program_runs_in_the_virtual_environment_of_its_options_relative_to_its_yaml_file(host: Host) -> None:
    (host.folder / "env" / "bin").mkdir(parents=True)
    interpreter = host.folder / "env" / "bin" / "python"
    interpreter.symlink_to(sys.executable)
    host.stub.Run(pb.RunRequest(info=program(host.folder, "pass", virtualenv="env")))
    assert received(host)["interpreter"] == str(interpreter)
    assert received(host)["environment"]["VIRTUAL_ENV"] == str(host.folder / "env")
    assert received(host)["environment"]["PATH"].startswith(f"{host.folder}/env/bin:")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"virtualenv": "gone"}, "no virtual environment at .*/gone"),
        ({"toolchain": "poetry"}, "does not have toolchain: poetry"),
        ({"typechecker": "mypy"}, "does not have typechecker: mypy"),
    ],
)
def test_a_program_that_cannot_run_as_asked_does_not_run(host: Host, options: dict[str, str], message: str) -> None:
    with pytest.raises(grpc.RpcError, match=message) as refused:
        host.stub.Run(pb.RunRequest(info=program(host.folder, "pass", **options)))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert not (host.folder / "received").exists()


def wait_for(host: Host, name: str, problem: str) -> None:
    """Until there is a file of that name in the program's folder."""
    deadline = time.monotonic() + 60
    while not (host.folder / name).exists():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)


def test_cancel_interrupts_the_running_program(own_host: Host) -> None:
    line = "import time; time.sleep(600)"
    run = own_host.stub.Run.future(pb.RunRequest(info=program(own_host.folder, line)))
    wait_for(own_host, "received", "the program did not start")
    own_host.stub.Cancel(Empty())
    assert "program" in run.result(timeout=60).error


def test_a_request_the_engine_gives_up_stops_its_program(host: Host) -> None:
    wait = "open('waits', 'w').close(); time.sleep(600)"
    line = f"import time\ntry: {wait}\nexcept KeyboardInterrupt: open('interrupted', 'w').close()"
    run = host.stub.Run.future(pb.RunRequest(info=program(host.folder, line)))
    wait_for(host, "waits", "the program did not start")
    run.cancel()
    wait_for(host, "interrupted", "the program was not interrupted")


def test_about_tells_the_interpreter_and_its_version(host: Host) -> None:
    response = host.stub.About(pb.AboutRequest(info=program(host.folder)))
    assert (response.executable, response.version) == (sys.executable, sys.version.split()[0])
    assert response.metadata["toolchain"] == "Pip"


def test_packages_of_a_virtual_environment_that_is_not_there_cannot_be_told(host: Host) -> None:
    request = pb.GetRequiredPackagesRequest(info=program(host.folder, virtualenv="gone"))
    with pytest.raises(grpc.RpcError, match=r"no virtual environment at .*/gone.*\./run makes it"):
        host.stub.GetRequiredPackages(request)


def test_what_the_host_does_not_do_is_unimplemented(host: Host) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        host.stub.GetProgramDependencies(pb.GetProgramDependenciesRequest(info=program(host.folder)))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
