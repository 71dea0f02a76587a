"""The administration of the Poste stand-in: web installer, REST API of domains and mailboxes, and command line.

It shows the outside of Poste's own administration as its public API clients and operators describe it. Where their
accounts differ, the choice made here is named at the place, because a program that manages Poste must cope with
either. Nothing here needs the mail daemons: they read what this package writes (``users.db`` and the files below
``domains/``).
"""
