"""The host's side of the sandbox: engine, network, images and containers. Standard library only."""
