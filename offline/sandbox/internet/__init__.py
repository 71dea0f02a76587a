"""The sandbox's internet in one container: Cloudflare's API, authoritative DNS, a resolver, a container registry, and
the servers' package mirror.
"""
