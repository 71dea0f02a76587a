"""A project on clouds on paper, whose deploys are cut off at a moment of one's choice."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hcloud
from cloudflare import Cloudflare

from tests.support.checkout import CLOUDFLARE_TOKEN, HCLOUD_TOKEN
from tests.support.own_project import RUN, Done
from tests.support.project import Clouds, Project, clouds_on_paper
from tests.support.wire import Scissors, wire

CHANGE = r"^(?!GET)"
"""Any request that changes something."""


class Cuttable:
    """The project and both clouds, seen with their official clients."""

    def __init__(self, project: Project, scissors: Scissors, clouds: Clouds) -> None:
        self.project = project
        self.scissors = scissors
        self.hcloud: Any = hcloud.Client(HCLOUD_TOKEN, f"http://127.0.0.1:{clouds.hetzner}/v1", poll_interval=0.1)
        self.cloudflare: Any = Cloudflare(
            api_token=CLOUDFLARE_TOKEN, base_url=f"http://127.0.0.1:{clouds.cloudflare}/client/v4"
        )

    def configure(self, **values: Any) -> None:
        """Change settings of the stack."""
        self.project.change("dev", {f"poste-mail:{key}": value for key, value in values.items()})

    def pulumi(self, *arguments: str) -> str:
        """What a command of Pulumi prints, which must succeed."""
        done = self.project.pulumi(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def cut_off(self, *arguments: str, at: str = CHANGE) -> str:
        """Kill a deploy when a cloud has carried out such a request; that request, or "" if the deploy ended before.

        One thing at a time, so that the moments are the same in each run.
        """
        self.scissors.arm(at)
        command = [RUN, "pulumi", *(arguments or ("up",)), "--yes", "--skip-preview", "--stack", "dev"]
        with (self.project.folder / "log").open("w") as log:
            process = subprocess.Popen(
                [*command, "--parallel", "1", "--non-interactive"],
                cwd=self.project.folder,
                env=self.project.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            while process.poll() is None and not self.scissors.cut.wait(0.05):
                pass
            if not self.scissors.cut.is_set():
                assert process.returncode == 0, (self.project.folder / "log").read_text()
                self.scissors.disarm()
                return ""
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
            self.project.end_of_the_killed()
        self.scissors.disarm()
        return self.scissors.moments[-1]

    def repair(self, *flags: str) -> Done:
        """Run the command."""
        return self.project.execute([RUN, "mail", "repair", "--stack", "dev", *flags], apart=True)

    def mended(self) -> str:
        """Repair, which must succeed; what it says."""
        done = self.repair("--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def cuttable(folder: Path, program: str) -> Iterator[Cuttable]:
    """A project with that program, for as long as the block lasts."""
    scissors = Scissors()
    with (
        clouds_on_paper(folder) as clouds,
        wire(clouds.hetzner, scissors) as hetzner,
        wire(clouds.cloudflare, scissors) as cloudflare,
    ):
        found = Cuttable(Project(folder / "project", Clouds(hetzner, cloudflare), program), scissors, clouds)
        with found.cloudflare:
            yield found
