"""The server's first boot (cloud-init user data), kept to what must be there before anyone can log in.

Everything that may change later is set over SSH instead, because Hetzner replaces a server when its user data changes.
"""

import json
from collections.abc import Mapping

PACKAGES = ("docker.io", "docker-cli", "nftables", "unattended-upgrades", "python3", "e2fsprogs")

SSHD_SETTINGS = """\
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""

AUTOMATIC_UPGRADES = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
"""


def user_data(host_key: str, host_public_key: str) -> str:
    """User data in cloud-config form: host key, key-only SSH, Docker, security updates.

    The host key is given, not made on the server, so that the first connection can already check it.
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
        "package_update": True,
        "packages": list(PACKAGES),
        "runcmd": [["systemctl", "restart", "ssh"], ["systemctl", "enable", "--now", "docker"]],
    }
    return f"#cloud-config\n{json.dumps(config, indent=1)}\n"


def _host_keys(private: str, public: str) -> dict[str, str]:
    algorithm = public.split(" ", 1)[0]
    kind = algorithm.removeprefix("ssh-") if algorithm.startswith("ssh-") else algorithm.split("-", 1)[0]
    return {f"{kind}_private": private, f"{kind}_public": public}
