"""The Pulumi CLI: the one installed, or else one built from source with the offline Python language host beside it."""

import os
import re
import shutil
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from toolchain.set_up.commands import run
from toolchain.set_up.errors import SetUpError
from toolchain.set_up.go import go_command
from toolchain.set_up.paths import BIN, CACHE, TOOLCHAIN
from toolchain.set_up.progress import step

INSTALL_PAGE = "https://www.pulumi.com/docs/iac/download-install/"
OLDEST, TOO_NEW = (3, 200, 0), (4, 0, 0)
LANGUAGE_HOST = "pulumi-language-python"
EXECUTOR = "pulumi-language-python-exec"


@dataclass(frozen=True)
class PulumiCli:
    """A CLI that can run Python programs. `official` ones come with Pulumi's own language host."""

    path: Path
    official: bool


def set_up_pulumi_cli() -> PulumiCli:
    """Find or build the CLI, and link it as .cache/bin/pulumi."""
    installed = _installed_cli()
    cli = PulumiCli(installed, official=True) if installed else PulumiCli(_built_cli(), official=False)
    BIN.mkdir(parents=True, exist_ok=True)
    link = BIN / "pulumi"
    if not link.is_symlink() or link.readlink() != cli.path:
        link.unlink(missing_ok=True)
        link.symlink_to(cli.path)
    return cli


def _installed_cli() -> Path | None:
    """The CLI on PATH, if its version fits and the Python language host is beside it, as in every installation."""
    path = os.pathsep.join(folder for folder in os.get_exec_path() if Path(folder) != BIN)
    found = shutil.which("pulumi", path=path)
    if found is None:
        return None
    version = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout.strip()
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?", version)
    if not match or not OLDEST <= tuple(map(int, match.groups())) < TOO_NEW:
        print(f"set-up: {found} is version {version or 'unknown'}, which does not fit; it is left alone")
        return None
    if not (Path(found).resolve().parent / LANGUAGE_HOST).exists():
        print(f"set-up: {found} has no {LANGUAGE_HOST} beside it; it is left alone")
        return None
    return Path(found)


def _built_cli() -> Path:
    """The CLI of the version in toolchain/go.mod, with the offline language host where the CLI looks first."""
    module, version = _pinned_cli()
    folder = CACHE / f"pulumi-{version}"
    cli = folder / "pulumi"
    if not cli.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _build(cli, module, version)
    return cli


def _pinned_cli() -> tuple[str, str]:
    """The CLI's Go package and its version, as toolchain/go.mod pins them."""
    text = (TOOLCHAIN / "go.mod").read_text()
    pinned = re.search(r"^tool (\S+)$.*^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", text, re.MULTILINE | re.DOTALL)
    if pinned is None:
        raise SetUpError("toolchain/go.mod has no tool line for the Pulumi CLI, or does not require pulumi/pkg/v3")
    return pinned[1], pinned[2]


def _build(cli: Path, module: str, version: str) -> None:
    go = go_command()
    counts = {"downloading": 0, "compiled": 0}

    def state() -> str:
        return f"({counts['downloading']} modules downloaded, {counts['compiled']} packages compiled)"

    with step(f"building the Pulumi CLI {version} with Go, once", "4 min on 2 cores, 1 min on 8", state):
        # A file of that name exists only when the build was finished.
        unfinished = cli.with_suffix(".unfinished")
        flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
        command = [go, "build", "-v", "-ldflags", flags, "-o", str(unfinished), module]
        variables = os.environ | {"CGO_ENABLED": "0"}
        last_lines: deque[str] = deque(maxlen=20)
        with subprocess.Popen(command, cwd=TOOLCHAIN, env=variables, stderr=subprocess.PIPE, text=True) as build:
            for line in build.stderr or ():
                last_lines.append(line)
                counts["downloading" if "downloading" in line else "compiled"] += 1
        if build.returncode != 0:
            raise SetUpError(
                f"building the Pulumi CLI failed:\n{''.join(last_lines)}You can install it: {INSTALL_PAGE}"
            )
        sdk = run([go, "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"], directory=TOOLCHAIN).strip()
        executor = cli.with_name(EXECUTOR)
        shutil.copyfile(Path(sdk, "python", "cmd", EXECUTOR), executor)
        host = cli.with_name(LANGUAGE_HOST)
        host.unlink(missing_ok=True)
        host.symlink_to(TOOLCHAIN / "bin" / LANGUAGE_HOST)
        unfinished.rename(cli)
