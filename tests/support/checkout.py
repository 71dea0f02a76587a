"""The project in a folder of a test's own, without any stack, and the sandbox's APIs on paper to make one for."""

from pathlib import Path

from offline.sandbox import world
from tests.support.own_project import RUN, Done, OwnProject
from tests.support.project import Clouds

HCLOUD_TOKEN = "sandbox-hcloud-token-".ljust(64, "x")
CLOUDFLARE_TOKEN = "sandbox-cloudflare-token-".ljust(40, "x")
IMAGE = f"analogic/poste.io:2.5.11@sha256:{'7' * 64}"


class Checkout(OwnProject):
    """The project in a folder, whose only stack is the one called prod that the wizard makes."""

    def __init__(self, folder: Path, clouds: Clouds) -> None:
        super().__init__(folder, "policy", "__main__.py")
        self._clouds = clouds
        self.environment |= {"HCLOUD_TOKEN": HCLOUD_TOKEN, "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN}

    def run(self, *command: str, **variables: str) -> Done:
        return self.execute([RUN, *command], apart=True, **variables)

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
        return self.config_file("prod")
