"""`reboot`, `poweroff`, `halt` and `shutdown`, for people and scripts on the VPS."""

from offline.sandbox.vps.control import ask


def main(name: str, arguments: list[str]) -> int:
    """`shutdown` takes `-r` for a reboot and ignores its time: it is always now."""
    reboot = name == "reboot" or (name == "shutdown" and "-r" in arguments)
    return ask("reboot" if reboot else "poweroff").code
