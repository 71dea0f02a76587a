"""SPF (RFC 7208), evaluated for the server's addresses by pyspf, which asks the zones' own servers here."""

import asyncio
from collections.abc import Sequence
from typing import Any

import spf  # type: ignore[import-untyped]

from model.lasting_records import SENDS
from model.spf import LONGEST, LOOKUP_LIMIT, Mechanism, is_policy, parse
from operate.verify.names import LookupFailedError, Names
from operate.verify.remedies import REFRESH, UP
from operate.verify.result import Finding, fail, ok, unknown, warn

SENDERS = f"{REFRESH} restores the record."
WEB_HOST = (
    "The host at the domain's own address, a web host's say, may send as the domain, with all who share it. Unless it "
    f"should, set domains[].spfA to false, then {UP}."
)
LONG = (
    "A longer answer takes receivers one more question, by TCP, which some firewalls stop (RFC 7208, section 3.4). "
    f"Gather networks or leave senders out, in domains[].senders and relay.senders, then {UP}."
)
NAMESERVER_DEADLINE = 10.0
"""Seconds for one of pyspf's questions."""


class _Query(spf.query):  # type: ignore[misc]
    """pyspf with our way to look names up; pyspf's own knows the system's resolver only."""

    def __init__(self, names: Names, loop: asyncio.AbstractEventLoop, address: str, domain: str, helo: str) -> None:
        super().__init__(i=address, s=f"postmaster@{domain}", h=helo)
        self._names = names
        self._loop = loop

    def dns(self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
        """The records under a name, in the forms that pyspf works with."""
        if qtype == "SPF":  # the record type that RFC 7208, section 3.1, abolished
            return []
        question = asyncio.run_coroutine_threadsafe(self._names.authoritative(name.rstrip("."), qtype), self._loop)
        try:
            values = question.result(NAMESERVER_DEADLINE).values
        except (LookupFailedError, TimeoutError) as error:
            raise spf.TempError(f"DNS {error}") from error
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        if qtype == "TXT":
            return [(value.encode(),) for value in values]
        if qtype == "MX":
            return [(int(preference), host) for preference, host in (value.split() for value in values)]
        return list(values)


async def _evaluate(names: Names, address: str, domain: str, helo: str, policy: str) -> tuple[str, str, int]:
    """Result, explanation and number of look-ups of a domain's policy for mail from an address."""
    loop = asyncio.get_running_loop()

    def evaluate() -> tuple[str, str, int]:
        query = _Query(names, loop, address, domain, helo)
        result, _, explanation = query.check(policy)
        return str(result), str(explanation), int(query.lookups)

    return await asyncio.to_thread(evaluate)


async def _policies(names: Names, domain: str) -> list[str]:
    texts = (await names.authoritative(domain, "TXT")).values
    return [text for text in texts if is_policy(text)]


async def spf_policy(
    names: Names, domain: str, helo: str, senders: Sequence[str], others: Sequence[str] = ()
) -> Finding:
    """There is exactly one policy; it passes mail from the server's addresses, and has the terms of `others`."""
    expected = "one policy that passes the server's addresses"
    policies = await _policies(names, domain)
    if len(policies) != 1:
        return fail(f"{len(policies)} policies: {' | '.join(policies)}" if policies else "no policy", expected)
    for address in senders:
        result, explanation, _ = await _evaluate(names, address, domain, helo, policies[0])
        if result == "temperror":
            return unknown(f"{address}: {explanation}", expected)
        if result != "pass":
            return fail(f"{result} for {address}: {policies[0]} ({explanation})", expected)
    if missing := [term for term in others if term not in parse(policies[0]).terms]:
        return warn(policies[0], f"one that has {' '.join(missing)}, too", SENDERS)
    sends_itself = any(found in (Mechanism("a"), Mechanism("+a")) for found in parse(policies[0]).mechanisms)
    strangers = await _others(names, domain, senders) if sends_itself else []
    if strangers:
        return warn(f"{policies[0]}, where a is {', '.join(strangers)}", expected, WEB_HOST)
    return ok(policies[0], expected)


async def host_policy(names: Names, host: str, senders: Sequence[str]) -> Finding:
    """The mail host has one policy, which passes bounces from it: for want of a sender, they are judged by the name in
    EHLO (RFC 7208, section 2.4).
    """
    policies = await _policies(names, host)
    if len(policies) != 1:
        return fail(f"{len(policies)} policies: {' | '.join(policies)}" if policies else "no policy", SENDS)
    for address in senders:
        result, explanation, _ = await _evaluate(names, address, host, host, policies[0])
        if result != "pass":
            said = f"{result} for {address}: {policies[0]} ({explanation})"
            return unknown(said, SENDS) if result == "temperror" else fail(said, SENDS)
    return ok(policies[0], SENDS)


async def _others(names: Names, domain: str, senders: Sequence[str]) -> list[str]:
    """The domain's own addresses, of which a policy's `a` speaks, that are not the server's."""
    answers = [await names.authoritative(domain, kind) for kind in ("A", "AAAA")]
    return [address for answer in answers for address in answer.values if address not in senders]


async def spf_lookups(names: Names, domain: str, helo: str, senders: Sequence[str]) -> Finding:
    """Evaluating the policy takes at most ten look-ups, of which few find nothing, whoever sends; and it is so short
    that one answer holds it.
    """
    # An address that nothing permits makes the evaluation run to the policy's end.
    stranger = "192.0.2.1" if ":" not in senders[0] else "2001:db8::1"
    expected = f"at most {LOOKUP_LIMIT}"
    counts, longest = [], 0
    for policy in await _policies(names, domain):
        _, explanation, count = await _evaluate(names, stranger, domain, helo, policy)
        if count > LOOKUP_LIMIT or "Void lookup" in explanation:
            return fail(f"{count} ({explanation})", expected)
        counts.append(count)
        longest = max(longest, len(domain) + len(policy))
    if longest > LONGEST:
        return warn(f"the policy has {longest} bytes, with its name", f"at most {LONGEST}", LONG)
    return ok(str(max(counts, default=0)), expected)
