"""Backups from the operator's side: looking, keeping, pruning, drilling and bringing back."""

from model.backup import Backup
from operate.errors import StackError
from operate.verify.stack import Stack


def backup_of(stack: Stack) -> Backup:
    """Where a stack's backup goes. Raises StackError where it has none."""
    if stack.settings.backup is None:
        raise StackError(f"Stack {stack.name} has no backup. Set backup first, see docs/recovery.md")
    return stack.settings.backup
