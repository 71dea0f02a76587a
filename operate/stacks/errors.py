"""What the wizard cannot go on with."""


class WizardError(Exception):
    """Says what is wrong, and what would be right."""
