"""The set-up: the real one in a project of its own, with stand-ins on PATH for the tools it may find or call."""

import shutil
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from offline.toolchain.set_up import go, plugins
from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.pulumi_cli import PulumiCli
from tests.support.serving import serving

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = "offline/toolchain/plugins/bin/pulumi-resource-hcloud"

# `go build … -o FILE MODULE` makes FILE, `go list` names a folder with the SDK's executor; each call is noted.
GO = """
echo "go $*" >> "$CALLS"
case "$1" in
  version) echo "go version go1.26.8 linux/amd64" ;;
  list) echo "$SDK" ;;
  build) while [ "$1" != -o ]; do shift; done; echo built > "$2"; chmod +x "$2" ;;
esac
"""
# `pulumi plugin install resource NAME vVERSION` succeeds if DOWNLOADS is set.
PULUMI = """
echo "pulumi $*" >> "$CALLS"
case "$1" in
  version) echo "${PULUMI_VERSION:-v3.300.1}" ;;
  plugin)
    [ -n "${DOWNLOADS:-}" ] || { echo "error: 404 HTTP error fetching plugin" >&2; exit 1; }
    folder=$PULUMI_HOME/plugins/resource-$4-$5
    mkdir -p "$PULUMI_HOME/plugins" && mkdir "$folder" && echo official > "$folder/pulumi-resource-$4"
    ;;
esac
"""

UNREACHABLE = {"https_proxy": "http://127.0.0.1:9"}
"""Variables with which nothing can be reached; the port is that of `discard`, which no machine serves any more."""
ANSWERING = {"PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES": "^https://get.pulumi.com=http://127.0.0.1:9"}
"""Variables that name a place of one's own for the plugins, of which a failure is never taken for "no network"."""


class Project:
    """A project to be set up on a machine that has a shell, Python and what a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.tools = folder / "tools"
        self.calls = folder / "calls"
        self.sdk = folder / "sdk"
        self.tools.mkdir()
        self.calls.touch()
        for name in ("offline/toolchain/set_up", "offline/toolchain/bin", "offline/toolchain/plugins/bin"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("offline/toolchain/set-up", "offline/toolchain/go.mod"):
            shutil.copy(ROOT / name, self.folder / name)
        for name in ("requirements.txt", "requirements-build.txt", "requirements-dev.txt"):
            (self.folder / name).touch()
        # An environment that is there is kept; the set-up uses its Python for pip only.
        self.tool("../project/.venv/bin/python", 'echo "python $*" >> "$CALLS"')
        executor = self.sdk / "python" / "cmd" / "pulumi-language-python-exec"
        executor.parent.mkdir(parents=True)
        executor.write_text("executor")
        for name in ("bash", "chmod", "dirname", "id", "mkdir", "sh"):
            (self.tools / name).symlink_to(str(shutil.which(name)))
        self.tool("python3", f'exec "{sys.executable}" "$@"')

    def tool(self, name: str, script: str) -> Path:
        """Put a program on PATH."""
        path = self.tools / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def require(self, line: str) -> None:
        """Have `line` in requirements.txt."""
        (self.folder / "requirements.txt").write_text(f"{line}\n")

    def set_up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the set-up; its calls of tools are in `calls`."""
        environment = {"PATH": str(self.tools), "CALLS": str(self.calls), "SDK": str(self.sdk)}
        return subprocess.run(
            [self.folder / "offline/toolchain/set-up"],
            cwd="/",
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def cli(self) -> Path:
        """What .cache/bin/pulumi leads to."""
        return (self.folder / ".cache" / "bin" / "pulumi").resolve()

    def plugin(self, name: str) -> Path:
        """The executable that the CLI starts as the plugin."""
        (folder,) = (self.folder / ".cache" / "pulumi-home" / "plugins").glob(f"resource-{name}-v*")
        return folder / f"pulumi-resource-{name}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def official(project: Project) -> Project:
    """A project on a machine with Pulumi's own installation."""
    project.tool("pulumi", PULUMI)
    project.tool("pulumi-language-python", "")
    return project


def test_an_installed_cli_is_used_and_nothing_is_built(official: Project) -> None:
    official.tool("go", GO)
    done = official.set_up()
    assert done.returncode == 0, done.stderr
    assert official.cli == official.tools / "pulumi"
    assert "go " not in official.calls.read_text()


def test_the_link_to_the_cli_is_not_taken_for_an_installed_one_by_whatever_path_it_is_reached(project: Project) -> None:
    project.tool("go", GO)
    project.set_up()
    other = project.tools / "another-way"
    other.symlink_to(project.folder / ".cache")
    done = project.set_up(PATH=f"{other}/bin:{project.tools}")
    assert done.returncode == 0, done.stderr
    assert project.cli.read_text() == "built\n"


@pytest.mark.parametrize("version", ["v3.199.0", "v4.0.0", ""])
def test_an_installed_cli_of_another_version_is_left_alone_and_ours_is_built(official: Project, version: str) -> None:
    official.tool("go", GO)
    done = official.set_up(PULUMI_VERSION=version or "unreadable")
    assert "which does not fit; it is left alone" in done.stdout
    assert official.cli.read_text() == "built\n"


def test_a_built_cli_has_the_offline_language_host_and_the_sdks_executor_beside_it(project: Project) -> None:
    project.tool("go", GO)
    done = project.set_up()
    assert done.returncode == 0, done.stderr
    assert project.cli.read_text() == "built\n"
    assert "version.Version=v3.274.1" in project.calls.read_text()
    beside = project.cli.parent
    assert (
        beside / "pulumi-language-python"
    ).resolve() == project.folder / "offline/toolchain/bin/pulumi-language-python"
    assert (beside / "pulumi-language-python-exec").read_text() == "executor"


def test_a_second_set_up_builds_and_says_nothing(project: Project) -> None:
    project.tool("go", GO)
    project.set_up()
    project.calls.write_text("")
    done = project.set_up()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert project.calls.read_text() == ""


def test_an_interrupted_build_is_begun_again(project: Project) -> None:
    project.tool("go", GO.replace("build) ", "build) exit 1 ;;\n  never) "))
    failed = project.set_up()
    assert failed.returncode == 1
    assert "`go build` of the Pulumi CLI failed" in failed.stderr
    project.tool("go", GO)
    assert project.set_up().returncode == 0
    assert project.cli.read_text() == "built\n"


@pytest.mark.parametrize("version", ["go version go1.20.5 linux/amd64", None])
def test_without_a_cli_and_without_go_the_missing_is_named_with_what_to_do(
    project: Project, version: str | None
) -> None:
    project.tool("apt-cache", "echo '  Candidate: 2:1.19~1'")  # Debian 12's is too old, so it is not installed
    if version:
        project.tool("go", f"echo {version}")
    done = project.set_up()
    assert done.returncode == 1
    assert "neither a Pulumi CLI nor Go 1.21" in done.stderr
    assert "https://www.pulumi.com/docs/iac/download-install/" in done.stderr


def test_go_is_installed_from_debian_where_it_is_new_enough(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.tool("apt-cache", "echo '  Candidate: 2:1.24~2'")
    install = project.tool("new-go", GO).rename
    monkeypatch.setenv("PATH", str(project.tools))
    monkeypatch.setenv("CALLS", str(project.calls))
    monkeypatch.setattr(go, "can_apt_install", lambda: True)
    monkeypatch.setattr(go, "apt_install", lambda *_packages: install(project.tools / "go"))
    assert go.go_command() == str(project.tools / "go")


def test_requirements_are_installed_when_they_have_changed_and_only_then(project: Project) -> None:
    project.tool("go", GO)
    calls = []
    for requirement in ("pulumi==3.272.0", "pulumi==3.272.0", "pulumi==3.273.0"):
        project.require(requirement)
        project.calls.write_text("")
        project.set_up()
        calls.append("python -m pip install" in project.calls.read_text())
    assert calls == [True, False, True]


def test_nothing_is_installed_but_by_a_hash_and_what_is_built_is_built_by_what_has_one(project: Project) -> None:
    project.tool("go", GO)
    project.set_up()
    installs = [call for call in project.calls.read_text().splitlines() if "pip install" in call]
    assert all("--require-hashes" in call for call in installs)
    tools, packages = installs
    assert tools.endswith("--requirement requirements-build.txt")
    assert packages.endswith("--no-build-isolation --use-pep517 --requirement requirements-dev.txt")


def test_plugins_that_can_be_downloaded_are_the_official_ones(official: Project) -> None:
    official.require("pulumi-hcloud==1.43.0")
    done = official.set_up(DOWNLOADS="yes", **ANSWERING)
    assert done.returncode == 0, done.stderr
    assert "pulumi plugin install resource hcloud v1.43.0" in official.calls.read_text()
    assert official.plugin("hcloud").read_text() == "official\n"


def test_where_the_plugins_host_cannot_be_reached_stand_ins_serve_which_is_said_each_time(official: Project) -> None:
    official.require("pulumi-hcloud==1.43.0")
    for _ in range(2):
        done = official.set_up(**UNREACHABLE)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == (
            "set-up: https://get.pulumi.com cannot be reached, so stand-ins serve for the plugins hcloud, and the "
            "sandbox alone"
        )
        assert official.plugin("hcloud").resolve() == official.folder / STAND_IN
    assert "plugin install" not in official.calls.read_text()


def test_a_stand_in_for_want_of_a_network_does_not_last(official: Project) -> None:
    official.require("pulumi-hcloud==1.43.0")
    official.set_up(**UNREACHABLE)
    assert not (official.folder / ".cache" / "set-up-done").exists()  # so `run` sets up again
    done = official.set_up(DOWNLOADS="yes", **ANSWERING)
    assert done.returncode == 0, done.stderr
    assert official.plugin("hcloud").read_text() == "official\n"
    assert (official.folder / ".cache" / "set-up-done").exists()


def test_a_stand_in_stays_in_place_when_the_projects_folder_is_moved(project: Project) -> None:
    project.tool("go", GO)
    project.require("pulumi-hcloud==1.43.0")
    project.set_up()
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    assert project.plugin("hcloud").resolve(strict=True) == project.folder / STAND_IN


def test_a_download_that_fails_is_an_error_with_its_reason_and_no_stand_in_takes_its_place(official: Project) -> None:
    official.require("pulumi-hcloud==1.43.0")
    official.set_up(**UNREACHABLE)
    done = official.set_up(**ANSWERING)
    assert done.returncode == 1
    assert "set-up: Pulumi's hcloud plugin 1.43.0 cannot be had: error: 404 HTTP error fetching plugin" in done.stderr
    assert not (official.folder / ".cache/pulumi-home/plugins/resource-hcloud-v1.43.0").exists()
    assert not (official.folder / ".cache" / "set-up-done").exists()


def test_a_download_that_does_not_end_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text("#!/bin/sh\nexec sleep 60\n")
    cli.chmod(0o755)
    monkeypatch.setattr(plugins, "PULUMI_HOME", tmp_path)
    monkeypatch.setattr(plugins, "SECONDS_TO_DOWNLOAD", 0.2)
    for name, value in ANSWERING.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetUpError, match=r"cannot be had: it was not there after 0\.2 s"):
        plugins.set_up_plugins(PulumiCli(cli, official=True))


def test_a_host_that_takes_a_connection_and_stays_silent_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "SECONDS_TO_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert plugins.answers(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_host_that_refuses_a_request_can_be_reached_and_one_that_nobody_has_cannot() -> None:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)) as url:  # it answers 501 to everything
        assert plugins.answers(url)
    assert not plugins.answers(url)


def test_a_built_cli_gets_the_stand_ins_of_the_required_versions_at_once(project: Project) -> None:
    project.tool("go", GO)
    project.require("pulumi-hcloud==1.43.0\npulumi==3.272.0\npulumi-policy==1.21.0")
    done = project.set_up()
    assert done.returncode == 0, done.stderr
    assert [folder.name for folder in (project.folder / ".cache/pulumi-home/plugins").iterdir()] == [
        "resource-hcloud-v1.43.0"
    ]
    assert project.plugin("hcloud").resolve() == project.folder / STAND_IN
    assert "set-up: no Pulumi CLI is installed, so stand-ins serve for the plugins hcloud" in done.stdout
