"""The mailboxes and aliases of the settings beside those that Poste has."""

from collections.abc import Iterator
from typing import Any

from model.accounts import MailboxSettings
from model.settings import Settings
from operate.mailboxes.server import There

Row = dict[str, Any]


def listed(settings: Settings, there: There | None) -> dict[str, Any]:
    """All of both, for programs. `there` is None where the server is not to be asked."""
    known = there is not None and not there.unknown_because
    boxes = there.boxes if there else {}
    rows = []
    for domain in settings.domains:
        addresses = [box.address for box in domain.mailboxes]
        for box in domain.mailboxes:
            rows.append(_mailbox(box) | {"administratorOfStack": box.address == settings.admin_address})
        for alias, targets in settings.aliases(domain).items():
            rows.append({"address": alias, "leadsTo": list(targets), "ofItsOwn": alias not in domain.aliases})
        admin = settings.admin_address
        if admin.rpartition("@")[2] == domain.name and admin not in addresses:
            rows.append({"address": admin, "administratorOfStack": True})
        if domain.catch_all or domain.forward_to:
            rows.append({"address": f"*@{domain.name}", "leadsTo": [domain.catch_all or f"*@{domain.forward_to}"]})
    if known:
        rows = [row if row["address"].startswith("*") else row | _at_poste(row["address"], boxes) for row in rows]
    names = {row["address"] for row in rows}
    beside = [
        {"address": address, "leadsTo": box.get("redirect_to") or [], "disabled": bool(box.get("disabled"))}
        for address, box in sorted(boxes.items())
        if address not in names
    ]
    return {
        "accounts": rows,
        "besideInPoste": beside if known else None,
        "serverNotAsked": there.unknown_because if there and there.unknown_because else None,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    return list(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    everything = [*found["accounts"], *(found["besideInPoste"] or [])]
    width = max((len(row["address"]) for row in everything), default=0)
    for row in found["accounts"]:
        yield f"{row['address']:{width}}  {_words(row)}".rstrip()
    if found["besideInPoste"]:
        yield "In Poste alone, and left alone (./run mail mailbox add ADDRESS --adopt takes one over):"
        for row in found["besideInPoste"]:
            yield f"{row['address']:{width}}  {_words(row)}".rstrip()
    if found["serverNotAsked"]:
        yield f"What Poste has is not known: {found['serverNotAsked']}"


def _mailbox(box: MailboxSettings) -> Row:
    fields = box.model_dump(by_alias=True, exclude_none=True)
    return {name: value for name, value in fields.items() if (name, value) != ("password", "once")}


def _at_poste(address: str, boxes: dict[str, dict[str, Any]]) -> Row:
    box = boxes.get(address)
    return {"inPoste": box is not None, "disabledInPoste": bool(box and box.get("disabled"))}


def _words(row: Row) -> str:
    """What is said of one, in a few words."""
    words = [f"leads to {', '.join(row['leadsTo'])}"] if row.get("leadsTo") else ["mailbox"]
    if row.get("ofItsOwn"):
        words.append("of its own accord")
    if row.get("administratorOfStack"):
        words.append("adminAddress")
    elif row.get("administrator"):
        words.append("administrator")
    if row.get("name"):
        words.append(str(row["name"]))
    if row.get("quotaMb"):
        words.append(f"{row['quotaMb']} MB")
    if row.get("quotaMessages"):
        words.append(f"{row['quotaMessages']} messages")
    if row.get("internalOnly"):
        words.append("internal only")
    if row.get("password") == "always":
        words.append("password always set")
    if row.get("disabled"):
        words.append("disabled")
    elif row.get("disabledInPoste"):
        words.append("disabled in Poste")
    if row.get("inPoste") is False:
        words.append("not in Poste yet: deploy")
    return ", ".join(words)
