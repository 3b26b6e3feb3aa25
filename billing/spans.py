"""Spans: sets of instants, as lists of periods that don't overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kernel.time import Period


def within(spans: Iterable[Period], frame: Period) -> list[Period]:
    """The parts of the spans that lie inside the frame."""
    return [part for span in spans if (part := span.overlap(frame))]


def without(spans: Iterable[Period], holes: Sequence[Period]) -> list[Period]:
    """The parts of the spans that no hole covers."""
    rest = list(spans)
    for hole in holes:
        rest = [part for span in rest for part in _around(span, hole) if part]
    return rest


def joined(spans: Iterable[Period]) -> list[Period]:
    """The same instants in order, where spans that touch have become one."""
    whole: list[Period] = []
    for span in sorted(spans, key=lambda span: span.start):
        if whole and span.start <= whole[-1].end:
            whole[-1] = Period(whole[-1].start, max(whole[-1].end, span.end))
        else:
            whole.append(span)
    return whole


def _around(span: Period, hole: Period) -> tuple[Period, ...]:
    if not span.overlap(hole):
        return (span,)
    return (Period(span.start, max(span.start, hole.start)), Period(min(span.end, hole.end), span.end))
