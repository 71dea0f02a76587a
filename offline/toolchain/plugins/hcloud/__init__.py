"""Stand-in for the Pulumi plugin `hcloud`, on Hetzner's own Python client, for where the real one cannot be had."""
