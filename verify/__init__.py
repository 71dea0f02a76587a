"""Proof from outside that a deployed mail server works; see verify/README.md."""
