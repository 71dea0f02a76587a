"""SPF terms (RFC 7208) that let other senders send for a domain: which of them may be configured."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from model.spf import Mechanism, is_policy, parse
from model.values import LABEL

SMALLEST_PREFIX = {"ip4": 8, "ip6": 16}
"""Wider networks hold whole continents: whoever sends from there would pass as the domain."""

EXAMPLE = "for example include:_spf.example.net, ip4:198.51.100.25 or a:news.example.net"
NAME = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"({NAME}\.)+{LABEL}")
# A macro stands for a part of the mail in hand; what is fixed at the end says whose name is asked (section 7).
MACRO_HOST = re.compile(rf"((%\{{[slodiptcrvh]\d*r?[.+,/_=-]*\}}|{NAME})\.)+{LABEL}\.{LABEL}")
REFUSED = {
    "all": "allows or refuses everyone; set the end of the policy with spf (~all or -all)",
    "ptr": "must not be used, since it is slow and unreliable (RFC 7208, section 5.5)",
    "exists": "can allow any address, as its host decides",
    "redirect": "replaces the whole policy; use include: with the same name",
    "exp": "only explains a refusal",
}


def sender(term: str) -> str:
    """A term that allows a sender, in lower case; ValueError with what would be right."""
    text = term.strip().removeprefix("+").removesuffix(".").lower()
    mechanism, _, value = text.partition(":")
    word = re.match(r"[-~?]?(\w*)", text)
    if word and word[1] in REFUSED:
        raise ValueError(f"{term} {REFUSED[word[1]]}. Expected a term that allows a sender, {EXAMPLE}")
    if text in ("a", "mx"):
        raise ValueError(f"{term} is in the policy of its own accord. Expected a term of another sender, {EXAMPLE}")
    if mechanism in SMALLEST_PREFIX:
        return f"{mechanism}:{_network(term, mechanism, value)}"
    host, _, prefix = value.partition("/")
    fits = MACRO_HOST if mechanism == "include" and "%" in host else HOST
    if mechanism not in ("include", "a", "mx") or prefix or not fits.fullmatch(host) or host[-1].isdigit():
        raise ValueError(f"{term} is no SPF term that allows a sender. Expected one, {_correction(text) or EXAMPLE}")
    return text


def _network(term: str, mechanism: str, value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError(f"{term}: {error}. Expected an address or network, {EXAMPLE}") from None
    if f"ip{network.version}" != mechanism:
        raise ValueError(f"{term} is of the other family. Expected ip{network.version}:{value}")
    if network.prefixlen < SMALLEST_PREFIX[mechanism]:
        raise ValueError(
            f"{term} allows {network.num_addresses} addresses to send. Expected the sender's own, {EXAMPLE}"
        )
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _correction(text: str) -> str:
    """What a bare address or name, a whole policy, or a part of one was meant to be."""
    text = text.strip("\"'")
    if is_policy(text) or " " in text:
        keep, _ = terms_beside(text if is_policy(text) else f"v=spf1 {text}", "")
        return f"for example {' or '.join(keep)}" if keep else ""
    try:
        return f"for example ip{ipaddress.ip_network(text, strict=False).version}:{text}"
    except ValueError:
        return f"for example include:{text} or a:{text}" if HOST.fullmatch(text) else ""


def terms_beside(policy: str, ours: str) -> tuple[list[str], list[str]]:
    """The terms of another policy that ours lacks: those that `senders` can keep, and those that nothing can."""
    present = set(ours.lower().split())
    keep, drop = [], []
    for term in parse(policy).terms:
        if term.removeprefix("+") in present or Mechanism(term).text == "all":
            continue
        try:
            kept = sender(term.replace("redirect=", "include:"))
        except ValueError:
            drop.append(term)
        else:
            if kept not in present:
                keep.append(kept)
    return keep, drop


Sender = Annotated[str, AfterValidator(sender)]
"""An SPF term that allows one more sender: include:, a:, mx:, ip4: or ip6:."""
