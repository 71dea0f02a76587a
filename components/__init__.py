"""The components of the mail server: the resources, one component a module. What they are made of is in `model`."""

import gc

# The SDKs' classes and a run's resources are some hundred thousand objects that stay until the program ends, seconds
# later. Looked through for garbage each time 700 more are made, they cost a fifth of all loading and a third of the
# work for each resource; left alone, 2 % more memory.
gc.set_threshold(500_000)
