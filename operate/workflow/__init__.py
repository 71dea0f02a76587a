"""What the workflows in .github do, for a person to do here too: preview, deploy, look for drift, tell GitHub."""
