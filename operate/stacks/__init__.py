"""The stack wizard: from two tokens and a domain to a complete, valid stack configuration."""
