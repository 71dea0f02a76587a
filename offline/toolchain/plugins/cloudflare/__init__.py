"""Stand-in for the Pulumi plugin `cloudflare`, on Cloudflare's own Python client, where the real one cannot be had."""
