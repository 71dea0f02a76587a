"""Proof from outside that a deployed mail server works; see operate/verify/README.md."""
