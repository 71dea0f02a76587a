"""The Pulumi CLI: the one installed, or else one built from source with the offline Python language host beside it."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.go import go_command
from offline.toolchain.set_up.paths import BIN, CACHE, TOOLCHAIN
from offline.toolchain.set_up.progress import step

INSTALL_PAGE = "https://www.pulumi.com/docs/iac/download-install/"
OLDEST, TOO_NEW = (3, 200, 0), (4, 0, 0)
LANGUAGE_HOST = "pulumi-language-python"
OFFLINE_HOST = TOOLCHAIN / "bin" / LANGUAGE_HOST
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
    path = os.pathsep.join(folder for folder in os.get_exec_path() if Path(folder).resolve() != BIN.resolve())
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
    """The CLI of the version in offline/toolchain/go.mod, with the offline language host where the CLI looks first."""
    package, version = _pinned_cli()
    folder = CACHE / f"pulumi-{version}"
    cli = folder / "pulumi"
    if not cli.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _build(cli, package, version)
    host = folder / LANGUAGE_HOST
    if not host.is_symlink() or host.readlink() != OFFLINE_HOST:
        host.unlink(missing_ok=True)
        host.symlink_to(OFFLINE_HOST)
    return cli


def _pinned_cli() -> tuple[str, str]:
    """The CLI's Go package and its version, as offline/toolchain/go.mod pins them."""
    text = (TOOLCHAIN / "go.mod").read_text()
    pinned = re.search(r"^tool (\S+)$.*^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", text, re.MULTILINE | re.DOTALL)
    if pinned is None:
        raise SetUpError(
            "offline/toolchain/go.mod has no tool line for the Pulumi CLI, or does not require pulumi/pkg/v3"
        )
    return pinned[1], pinned[2]


def _build(cli: Path, package: str, version: str) -> None:
    go = go_command()
    lines: list[str] = []
    with step(f"downloading the source of the Pulumi CLI {version}", "1 min", lambda: f"({len(lines)} modules)"):
        packages = _go(lines, go, "list", "-deps", package).splitlines()
    lines.clear()
    # A file of the CLI's name exists only when all is done.
    unfinished = cli.with_suffix(".unfinished")
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
    estimate = "4 min on 2 cores, 1 min on 8"
    with step("building it with Go, once", estimate, lambda: f"({len(lines)} of {len(packages)} packages)"):
        _go(lines, go, "build", "-v", "-ldflags", flags, "-o", str(unfinished), package)
    executor = cli.with_name(EXECUTOR)
    sdk = _go(lines, go, "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3").strip()
    shutil.copyfile(Path(sdk, "python", "cmd", EXECUTOR), executor)
    unfinished.rename(cli)


def _go(progress: list[str], *command: str) -> str:
    """Run Go and return what it prints; `progress` grows by a line for each thing it does.

    Without C, for which it would need a compiler.
    """
    variables = os.environ | {"CGO_ENABLED": "0"}
    with TemporaryFile("w+") as output:
        with subprocess.Popen(
            command, cwd=TOOLCHAIN, env=variables, stdout=output, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in process.stderr or ():
                progress.append(line)
        output.seek(0)
        printed = output.read()
    if process.returncode != 0:
        end = "".join(progress[-20:])
        raise SetUpError(f"`go {command[1]}` of the Pulumi CLI failed:\n{end}You can install it: {INSTALL_PAGE}")
    return printed
