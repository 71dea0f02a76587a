"""How many messages came and went, by day: for a mailbox, and for a domain what all of its mailboxes come to.

The public accounts of Poste leave open what it counts. Here a message came in when it was delivered to a mailbox by the
address that the sender wrote, and went out when somebody signed in with the mailbox's address and handed it over.
"""

import re
from pathlib import Path

Days = dict[str, dict[str, int]]

_DAY = r"(?P<day>\d{4}-\d\d-\d\d) \S+ \S+ "
_DELIVERED = re.compile(_DAY + r"=> \S+ <(?P<address>[^>]+)> .*\bT=mailbox\b")
_HANDED_OVER = re.compile(_DAY + r"<= .*\bA=(?:plain|login):(?P<address>\S+)")


def mail_counts(log: Path, name: str) -> Days:
    """What Exim's log tells of a mailbox, or of a domain, the oldest day first."""
    days: Days = {}
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        for way, pattern in (("in", _DELIVERED), ("out", _HANDED_OVER)):
            found = pattern.match(line)
            if found and name in (found["address"].lower(), found["address"].lower().rpartition("@")[2]):
                day = days.setdefault(found["day"], {"in": 0, "out": 0})
                day[way] += 1
    return days
