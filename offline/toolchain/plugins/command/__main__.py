"""Starts the plugin: `python -m offline.toolchain.plugins.command <address of the engine>`."""

from offline.toolchain.plugins.command.server import main

main("1.2.1")
