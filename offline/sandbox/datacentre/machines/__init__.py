"""The hypervisor of the data-centre container: servers are containers of its own Docker engine."""
