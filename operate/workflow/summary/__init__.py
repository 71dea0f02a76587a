"""A short account of a preview for the person who has to approve it, made from the engine's JSON."""
