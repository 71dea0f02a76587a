"""Starts the plugin: `python -m toolchain.plugins.command <address of the engine>`."""

from toolchain.plugins.command.server import main

main("1.2.1")
