"""The provider plugins in the project's own PULUMI_HOME: Pulumi's, or this repository's stand-ins for them.

A plugin in that folder is used without a word; one on PATH would bring a warning with every command.
"""

import os
import re
import subprocess
from pathlib import Path

from toolchain.set_up.paths import CACHE, PULUMI_HOME, ROOT, TOOLCHAIN
from toolchain.set_up.progress import step
from toolchain.set_up.pulumi_cli import PulumiCli

STAND_INS = TOOLCHAIN / "plugins" / "bin"
SECONDS_TO_DOWNLOAD = 20


def set_up_plugins(cli: PulumiCli) -> None:
    """Have every plugin that requirements.txt implies. Downloads are tried once, and only with an official CLI."""
    for name, version in required_plugins().items():
        stand_in = PULUMI_HOME / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        if stand_in.is_file() and not stand_in.is_symlink():
            continue  # Pulumi's own plugin
        if cli.official and _download(cli.path, name, version, stand_in):
            continue
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.unlink(missing_ok=True)
        stand_in.symlink_to(STAND_INS / stand_in.name)


def required_plugins() -> dict[str, str]:
    """Name and version of the plugin of each Pulumi package in requirements.txt: they are always the same."""
    text = (ROOT / "requirements.txt").read_text()
    return dict(re.findall(r"^pulumi-(?!policy\b)([a-z-]+)==(\S+)", text, re.MULTILINE))


def _download(cli: Path, name: str, version: str, stand_in: Path) -> bool:
    """Have the CLI download a plugin; False, and no second try, when it cannot within some seconds."""
    failed = CACHE / f"no-download-{name}-{version}"
    if failed.exists():
        return False
    # The CLI takes a folder that is there for an installed plugin.
    stand_in.unlink(missing_ok=True)
    if stand_in.parent.exists():
        stand_in.parent.rmdir()
    with step(f"downloading the {name} plugin {version}", f"{SECONDS_TO_DOWNLOAD} s at most"):
        try:
            subprocess.run(
                [str(cli), "plugin", "install", "resource", name, f"v{version}"],
                env=os.environ | {"PULUMI_HOME": str(PULUMI_HOME)},
                capture_output=True,
                timeout=SECONDS_TO_DOWNLOAD,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            print(f"set-up:   it cannot be had; the stand-in is used (delete {failed.relative_to(ROOT)} to try again)")
            failed.touch()
            return False
    return True
