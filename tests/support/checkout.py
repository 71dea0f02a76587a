"""The project in a folder of a test's own, without any stack, and the sandbox's APIs on paper to make one for."""

import os
import subprocess
from pathlib import Path

from offline.sandbox import world
from tests.support.project import ROOT, Clouds
from tests.support.warm import warm_python

HCLOUD_TOKEN = "sandbox-hcloud-token-".ljust(64, "x")
CLOUDFLARE_TOKEN = "sandbox-cloudflare-token-".ljust(40, "x")
IMAGE = f"analogic/poste.io:2.5.11@sha256:{'7' * 64}"

Done = subprocess.CompletedProcess[str]


class Checkout:
    """The project in a folder, whose only stack is the one called prod that the wizard makes."""

    def __init__(self, folder: Path, clouds: Clouds) -> None:
        self.folder = folder
        self._clouds = clouds
        (folder / "backend").mkdir()
        for name in ("components", "model", "remote", "policy", "Pulumi.yaml", "__main__.py"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(warm_python().virtualenv)

    def run(self, *command: str, **variables: str) -> Done:
        environment = os.environ | {
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "POSTE_MAIL_PYTHON": str(warm_python().interpreter),
            "HCLOUD_TOKEN": HCLOUD_TOKEN,
            "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
        }
        return subprocess.run(
            [str(ROOT / "run"), *command],
            cwd=self.folder,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def wizard(self, *flags: str, **variables: str) -> Done:
        return self.run(
            *("python", "-m", "operate", "stack", "--stack", "prod", "--no-questions"),
            *("--hetzner-endpoint", f"http://127.0.0.1:{self._clouds.hetzner}/v1"),
            *("--cloudflare-base-url", f"http://127.0.0.1:{self._clouds.cloudflare}/client/v4"),
            *("--admin-cidr", f"{world.GATEWAY.ipv4}/32", "--image", IMAGE, *flags),
            **variables,
        )

    @property
    def file(self) -> Path:
        return self.folder / "Pulumi.prod.yaml"
