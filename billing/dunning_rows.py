"""Dunning schedules as JSON: from values to what the catalog stores, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from billing.dunning import Course, EndState, Schedule, Step, StepKind, Steps, delay


def write(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON, without its key."""
    courses = {str(course): _written(steps) for course, steps in sorted(schedule.courses.items())}
    access = schedule.access.says if schedule.access else None
    told = {"hour": schedule.hour, "access": access, "end_after": schedule.end_after.says, "end": str(schedule.end)}
    return {**told, "courses": courses}


def read(key: str, told: Mapping[str, Any]) -> Schedule:
    """The schedule that `write` wrote."""
    courses = {
        Course(course): Steps(tuple(map(delay, steps["charge"])), tuple(map(delay, steps["remind"])))
        for course, steps in told["courses"].items()
    }
    access = delay(told["access"]) if told["access"] else None
    return Schedule(key, courses, delay(told["end_after"]), EndState(told["end"]), access, told["hour"])


def _written(steps: Steps) -> dict[str, list[str]]:
    return {"charge": [delay.says for delay in steps.charge], "remind": [delay.says for delay in steps.remind]}


def write_steps(planned: Iterable[Step]) -> list[dict[str, str]]:
    """Steps as JSON, in order."""
    return [{"at": step.at.isoformat(), "kind": str(step.kind)} for step in planned]


def read_steps(told: Iterable[Mapping[str, str]]) -> list[Step]:
    """The steps that `write_steps` wrote."""
    return [Step(datetime.fromisoformat(step["at"]), StepKind(step["kind"])) for step in told]
