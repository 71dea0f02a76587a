"""The embedded cloud: a Hetzner data centre, Cloudflare's DNS and a mail world, as containers on this machine."""
