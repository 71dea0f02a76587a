"""How a stack's server is: on one screen, or as one page."""
