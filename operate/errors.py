"""What keeps a command from going on. Each error's text says what is wrong, and what would be right or help."""


class OperateError(Exception):
    """Any of these; a command tells its text and ends."""


class CloudError(OperateError):
    """A cloud cannot be reached, refuses the token, or shows it nothing that fits."""


class PulumiError(OperateError):
    """The Pulumi CLI is missing, or a command of it failed."""


class StackError(OperateError):
    """A stack, or its configuration, cannot be used as it is."""


class WizardError(OperateError):
    """The wizard lacks an answer, or has one that does not fit."""


class RepairError(OperateError):
    """Something could not be looked at or mended."""


class MailboxError(OperateError):
    """A mailbox or an alias cannot be set as asked for."""


class PageError(OperateError):
    """The page about a stack cannot be written where it is wanted."""


class ServerError(OperateError):
    """The server cannot be reached, or could not do what it was asked to."""
