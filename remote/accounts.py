"""Lets Poste have a domain's mailboxes and aliases as the settings have them, side by side.

Runs on the server, hence standard library only. Standard input: {"url", "domain", "folder": <where it notes what it has
carried out>, "catch_all": <address or null>, "forward_to": <domain or null>, "accounts": [<requests, see account.py>]}.
Prints one JSON object: {"accounts": <how many>}.

What it carried out before and is not asked for any more, leaves: a mailbox is disabled and keeps its mail. What others
made is not touched. Where some fail, the others are there, and the program ends with a sentence for each that failed.

With the argument `delete`, standard input is {"url", "folder", "mailboxes": [<addresses>], "domains": [<names>]}, and
these are deleted with all their mail, once: what somebody makes anew at a name that still stands there, stays. With
`forget` that is over.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import administrator
import whole_file
from account import RefusedError, boxes, bring, checked, delete, leave
from poste_http import Poste

WORKERS = 8
DELETED = "deleted.json"


class Note:
    """What was carried out for a domain, on the volume: addresses with their kinds, and whether mail is led on.

    Before a change it holds what was and what is to be, so that a run that is cut off forgets nothing.
    """

    def __init__(self, folder: Path, domain: str) -> None:
        self._file = folder / f"{domain}.json"
        folder.mkdir(mode=0o700, exist_ok=True)
        told = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.accounts: dict[str, str] = told.get("accounts", {})
        self.leads: bool = told.get("leads", False)

    def write(self, accounts: dict[str, str], *, leads: bool) -> None:
        whole_file.write(self._file, json.dumps({"accounts": accounts, "leads": leads}))


def side_by_side(url: str, work: Iterable[Callable[[Poste], None]]) -> list[str]:
    """Do it all, each worker with a session of its own; what failed, a sentence each."""
    of_this_thread = threading.local()

    def one(task: Callable[[Poste], None]) -> str:
        if not hasattr(of_this_thread, "poste"):
            of_this_thread.poste = Poste(url, *administrator.known())
        try:
            task(of_this_thread.poste)
        except (RefusedError, SystemExit) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(WORKERS) as pool:
        return [failed for failed in pool.map(one, work) if failed]


def lead(poste: Poste, domain: str, catch_all: str | None, forward_to: str | None) -> None:
    """Where mail goes that no mailbox takes."""
    wanted: dict[str, object] = {
        "domainBin": catch_all is not None,
        "domainBinAddress": catch_all,
        "forward": forward_to is not None,
        "forwardDomain": forward_to,
    }
    checked(poste.api("PATCH", f"/domains/{quote(domain)}", wanted), f"lead the mail of {domain}")


def carry_out(request: dict[str, Any]) -> list[str]:
    """All that is asked for a domain; what failed, a sentence each."""
    url, domain = request["url"], request["domain"]
    poste = Poste(url, *administrator.known())
    note = Note(Path(request["folder"]), domain)
    wanted = {account["address"]: account["kind"] for account in request["accounts"]}
    leads = bool(request["catch_all"] or request["forward_to"])
    note.write(note.accounts | wanted, leads=leads or note.leads)
    try:
        there = boxes(poste)
    except RefusedError as error:
        return [str(error)]

    def bringing(account: dict[str, Any]) -> Callable[[Poste], None]:
        return lambda session: bring(session, account, there.get(account["address"]))

    def leaving(address: str, kind: str) -> Callable[[Poste], None]:
        return lambda session: leave(session, address, kind, there.get(address))

    gone = {address: kind for address, kind in note.accounts.items() if address not in wanted}
    failed = side_by_side(url, [leaving(*one) for one in gone.items()])
    # Mailboxes first: Poste may want to know where an alias leads.
    for is_mailbox in (True, False):
        some = [account for account in request["accounts"] if (account["kind"] == "mailbox") is is_mailbox]
        failed += side_by_side(url, map(bringing, some))
    if leads or note.leads:
        to = request["catch_all"], request["forward_to"]
        failed += side_by_side(url, [lambda session: lead(session, domain, *to)])
    if not failed:
        note.write(wanted, leads=leads)
    return failed


def delete_domain(poste: Poste, domain: str) -> None:
    answer = poste.api("DELETE", f"/domains/{quote(domain)}")
    if answer.status != 404:
        checked(answer, f"delete the domain {domain}")


def delete_once(request: dict[str, Any]) -> list[str]:
    """Delete what is named and was not deleted before; what failed, a sentence each."""
    deleted = Path(request["folder"], DELETED)
    before = json.loads(deleted.read_text()) if deleted.exists() else []
    tasks = [partial(delete, address=name) for name in request["mailboxes"] if name not in before]
    tasks += [partial(delete_domain, domain=name) for name in request["domains"] if name not in before]
    failed = side_by_side(request["url"], tasks)
    if not failed:
        deleted.parent.mkdir(mode=0o700, exist_ok=True)
        whole_file.write(deleted, json.dumps([*request["mailboxes"], *request["domains"]]))
    return failed


def main() -> None:
    request = json.load(sys.stdin)
    match sys.argv[1:]:
        case ["forget"]:
            Path(request["folder"], DELETED).unlink(missing_ok=True)
            failed = []
        case ["delete"]:
            failed = delete_once(request)
        case _:
            failed = carry_out(request)
    if failed:
        sys.exit("\n".join(failed))
    print(json.dumps({"accounts": len(request.get("accounts", ()))}))


if __name__ == "__main__":
    main()
