"""Where the set-up puts things. All of it is in folders that git ignores and that can be deleted at any time."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOOLCHAIN = ROOT / "offline/toolchain"
VIRTUALENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
BIN = CACHE / "bin"
PULUMI_HOME = CACHE / "pulumi-home"
BACKEND = ROOT / ".state" / "backend"
