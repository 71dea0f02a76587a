"""What there is before the first step: the stack's configuration and state, the Hetzner project, the DNS zones.

All of it is looked at once, before anything is registered, so that what cannot be done is refused with nothing changed.
"""
