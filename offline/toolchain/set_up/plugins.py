"""The provider plugins in the project's own PULUMI_HOME: Pulumi's, or this repository's stand-ins for them.

A plugin in that folder is used without a word; one on PATH would bring a warning with every command.
"""

import os
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.paths import PULUMI_HOME, ROOT, TOOLCHAIN
from offline.toolchain.set_up.progress import step
from offline.toolchain.set_up.pulumi_cli import PulumiCli

STAND_INS = TOOLCHAIN / "plugins" / "bin"
HOST = "https://get.pulumi.com"
"""Where the CLI has Pulumi's plugins from, unless a variable of its own names another place."""
OTHER_HOSTS = "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"
SECONDS_TO_ANSWER = 5
SECONDS_TO_DOWNLOAD = 300


def set_up_plugins(cli: PulumiCli) -> bool:
    """Have every plugin that requirements.txt implies; whether that is how things stay.

    An official CLI downloads Pulumi's own. Where their host cannot be reached at all, stand-ins serve until the next
    set-up, which tries again. Raises SetUpError when the host answers and a download fails all the same.
    """
    missing = {name: version for name, version in required_plugins().items() if not _is_official(_path(name, version))}
    if cli.official and missing and (os.environ.get(OTHER_HOSTS) or answers(HOST)):
        for name, version in missing.items():
            _download(cli.path, name, version)
        return True
    for name, version in missing.items():
        path = _path(name, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # Relative, so that the project's folder can be moved.
        path.symlink_to(os.path.relpath(STAND_INS / path.name, path.parent))
    if missing:
        reason = f"{HOST} cannot be reached" if cli.official else "no Pulumi CLI is installed"
        print(f"set-up: {reason}, so stand-ins serve for the plugins {', '.join(missing)}, and the sandbox alone")
    return not (cli.official and missing)


def required_plugins() -> dict[str, str]:
    """Name and version of the plugin of each Pulumi package in requirements.txt: they are always the same."""
    text = (ROOT / "requirements.txt").read_text()
    return dict(re.findall(r"^pulumi-(?!policy\b)([a-z-]+)==(\S+)", text, re.MULTILINE))


def answers(url: str) -> bool:
    """Whether a host can be reached, were it only to refuse, to be silent, or to show a certificate that is none."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_TO_ANSWER):  # noqa: S310  (the scheme is fixed by the caller)
            return True
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except (OSError, HTTPException):  # whatever goes wrong once there is a connection
        return True


def _path(name: str, version: str) -> Path:
    return PULUMI_HOME / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


def _is_official(plugin: Path) -> bool:
    return plugin.is_file() and not plugin.is_symlink()


def _download(cli: Path, name: str, version: str) -> None:
    """Have the CLI download a plugin. Raises SetUpError with its reason when it cannot; the stand-in is gone then."""
    path = _path(name, version)
    # The CLI takes a folder that is there for an installed plugin.
    path.unlink(missing_ok=True)
    if path.parent.exists():
        path.parent.rmdir()
    command = [str(cli), "plugin", "install", "resource", name, f"v{version}"]
    with step(f"downloading the {name} plugin {version}", "20 s"):
        try:
            done = subprocess.run(
                command,
                env=os.environ | {"PULUMI_HOME": str(PULUMI_HOME)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS_TO_DOWNLOAD,
                check=False,
            )
            reason = "\n".join(done.stdout.strip().splitlines()[-5:]) if done.returncode else ""
        except subprocess.TimeoutExpired:
            reason = f"it was not there after {SECONDS_TO_DOWNLOAD} s"
    if reason or not _is_official(path):
        raise SetUpError(
            f"Pulumi's {name} plugin {version} cannot be had: {reason or 'the CLI left none'}\n"
            f"To try it by hand: PULUMI_HOME={PULUMI_HOME} {' '.join(command)}"
        )
