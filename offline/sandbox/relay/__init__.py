"""The relay: a smart host that wants a password, signs what it is given, and passes it on as its own."""
