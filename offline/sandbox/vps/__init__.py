"""The VPS image: what runs inside a server of the sandbox in place of systemd (standard library only)."""
