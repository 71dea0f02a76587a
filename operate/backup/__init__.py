"""Backups from the operator's side: looking, keeping, pruning, drilling and bringing back."""
