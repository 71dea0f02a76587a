"""What all stand-in plugins share: a Pulumi provider made of tables."""
