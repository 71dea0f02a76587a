"""The components of the mail server: the resources, one component a module. What they are made of is in `model`."""
