"""The virtual environment with the packages that the requirements files lock, each file of them known by its hash."""

import hashlib
import importlib.util
import sys

from offline.toolchain.set_up.commands import apt_install, can_apt_install, run
from offline.toolchain.set_up.errors import SetUpError
from offline.toolchain.set_up.paths import CACHE, ROOT, VIRTUALENV
from offline.toolchain.set_up.progress import step

INSTALLED = CACHE / "requirements.sha256"


def set_up_virtualenv() -> None:
    """Make .venv if it is not there, and install the requirements if they are not the ones installed last."""
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(ROOT.glob("requirements*.txt")))).hexdigest()
    python = VIRTUALENV / "bin" / "python"
    if not python.exists():
        INSTALLED.unlink(missing_ok=True)
        with step("making the virtual environment .venv", "5 s"):
            _require_venv_module()
            run([sys.executable, "-m", "venv", "--clear", str(VIRTUALENV)])
    if not INSTALLED.exists() or INSTALLED.read_text() != wanted:
        with step("installing requirements-dev.txt into .venv", "1 min the first time"):
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
            run([*pip, "--requirement", "requirements-build.txt"], directory=ROOT)
            # What is published as source only is built by what we have just installed, not by whatever is newest.
            built_here = ["--no-build-isolation", "--use-pep517"]
            run([*pip, *built_here, "--requirement", "requirements-dev.txt"], directory=ROOT)
        INSTALLED.write_text(wanted)


def _require_venv_module() -> None:
    # Debian's python3 has the module venv, but making an environment needs ensurepip, from the package python3-venv.
    if importlib.util.find_spec("ensurepip"):
        return
    if not can_apt_install():
        raise SetUpError(f"{sys.executable} lacks ensurepip. Install it (on Debian and Ubuntu: python3-venv).")
    apt_install("python3-venv")
