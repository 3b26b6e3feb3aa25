"""The report: every server's figures, and beside them what we want of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.graph.measuring import HEAD, Figures
from benchmarks.graph.servers import OURS, PLAIN

CPU = {"a": 0.75, "b": 0.30, "c": 0.30, "d": 0.70, "d cached": 0.30}
"""What the server may use at most, of the best peer's CPU."""

RATE = 1.3
"""How many requests a second it answers at least, of the best peer's."""

EXECUTED = 2
"""How many the executor answers at least, of what plain Strawberry does."""

DEEP = 2
"""How long a deep page takes at most, of (c)."""

_EXECUTED, _COMPILED = OURS


def table(name: str, found: Mapping[str, Figures]) -> None:
    """The figures of one operation."""
    width = max(len(each) for each in found)
    print(f"\n({name})".ljust(width + 6) + HEAD)
    for server, figures in found.items():
        print(f"  {server:{width}}  {figures.text}")


def verdict(name: str, found: Mapping[str, Figures], beside: Mapping[str, Figures]) -> None:
    """How ours compares with the best of the peers, whose figures are `beside`, and with plain Strawberry."""
    peers = {server: figures for server, figures in beside.items() if server not in {*OURS, PLAIN}}
    compiled = found.get(_COMPILED)
    if peers and compiled:
        _line("server CPU", compiled, peers, lambda each: each.server, CPU.get(name), most=True)
        _line("requests a second", compiled, peers, lambda each: each.rate, RATE if name in CPU else None, most=False)
        together = 1 if name in CPU else None
        _line("server and PostgreSQL", compiled, peers, lambda each: each.together, together, most=True)
    if PLAIN in beside and _EXECUTED in found:
        told = found[_EXECUTED].rate / beside[PLAIN].rate
        _say(
            "requests a second, executed",
            told,
            f"of {PLAIN} + SQLModel's",
            EXECUTED if name in CPU else None,
            most=False,
        )


def deep(says: str, share: float, median: float, usual: float) -> None:
    """How long one of the deep pages takes."""
    print(f"  {says:32} {share:4.0%} in  {median:8.2f} ms ", end="")
    _say("", median / usual, "of (c)'s", DEEP, most=True)


def _line(
    what: str,
    ours: Figures,
    peers: Mapping[str, Figures],
    of: Callable[[Figures], float],
    goal: float | None,
    *,
    most: bool,
) -> None:
    best = (min if most else max)(peers, key=lambda name: of(peers[name]))
    _say(what, of(ours) / of(peers[best]), f"of {best}'s", goal, most=most)


def _say(what: str, told: float, of_whom: str, goal: float | None, *, most: bool) -> None:
    """One ratio, and its goal if it has one."""
    reached = goal is None or (told <= goal if most else told >= goal)
    wanted = f"(goal {'≤' if most else '≥'} {goal:g}{'' if reached else ', MISSED'})" if goal else ""
    print(f"  {what:28} {told:5.2f} {of_whom} {wanted}".rstrip())
