"""The server's first boot (cloud-init user data), kept to what must be there before anyone can log in.

Everything that may change later is set over SSH instead, because Hetzner replaces a server when its user data changes.
"""

import json
from collections.abc import Mapping

SSHD_SETTINGS = """\
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""

AUTOMATIC_UPGRADES = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
"""


def user_data(host_key: str, host_public_key: str, revision: int) -> str:
    """User data in cloud-config form: host key, key-only SSH, the schedule of security updates.

    The host key is given, not made on the server, so that the first connection can already check it. Packages are
    installed over SSH (remote/ready.py), where a bad minute of a mirror can be waited out, and what failed done again.
    `revision` makes the user data of each server on purpose another one.
    """
    config: Mapping[str, object] = {
        "ssh_deletekeys": True,
        "ssh_keys": _host_keys(host_key, host_public_key),
        "ssh_pwauth": False,
        "disable_root": False,
        "write_files": [
            {"path": "/etc/ssh/sshd_config.d/10-keys-only.conf", "content": SSHD_SETTINGS},
            {"path": "/etc/apt/apt.conf.d/20auto-upgrades", "content": AUTOMATIC_UPGRADES},
        ],
        "runcmd": [["systemctl", "restart", "ssh"]],
    }
    return f"#cloud-config\n# revision {revision}\n{json.dumps(config, indent=1)}\n"


def _host_keys(private: str, public: str) -> dict[str, str]:
    algorithm = public.split(" ", 1)[0]
    kind = algorithm.removeprefix("ssh-") if algorithm.startswith("ssh-") else algorithm.split("-", 1)[0]
    return {f"{kind}_private": private, f"{kind}_public": public}
