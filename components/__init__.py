"""The components of the mail server, and beside them the pure modules that hold its facts."""
