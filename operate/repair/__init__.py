"""Brings a stack's state and the clouds together again after a deploy was cut off, or the state was lost."""
