"""Mutations: one input, one union of the outcome and its refusals, one transaction.

`mutation(resolve.assign_seat, "Seat", refusals=[…])` makes `AssignSeatInput` from
the resolver's arguments, `AssignSeatResult`, and the field. Around the resolver it
opens the transaction, honors `idempotencyKey`, and turns a `Problem` into a member
of the union after everything has been undone. What others overtook is decided anew.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from weakref import WeakValueDictionary

import strawberry
from sqlmodel import SQLModel
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.union import StrawberryUnion
from strawberry.utils.str_converters import to_camel_case

from kernel.errors import Forbidden, Problem, Unauthenticated
from resolvers import setting_up
from resolvers.answers import Answer, Once
from resolvers.deprecation import Deprecation
from resolvers.info import Context
from schema.base import TYPES, described

MUTATIONS: dict[str, type] = {}
"""Every mutation's input type, by public name."""

DONE_BY = "done by"
"""What the field of a mutation keeps its resolver under."""

ONCE = "Makes a repeated request harmless: the same key with the same input gives the same answer."


_TRIES = 3
"""How often a change that others overtook is decided anew: what it says after that was so three times running."""

_AT_WORK: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


@strawberry.interface(name="Problem", description="Why the product declined, in a sentence that tells what to do.")
class ProblemShown:
    """What every refusal shows."""

    message: str = strawberry.field(description="One sentence for people: what happened, and what to do.")


def mutation(resolve: Callable[..., Any], *successes: str, refusals: Sequence[type[Problem]] = ()) -> Any:
    """The field of a mutation. Its description is the resolver's docstring."""
    name = to_camel_case(resolve.__name__)
    title = name[0].upper() + name[1:]
    kind = _input(resolve, title)
    MUTATIONS[name] = kind
    declined = tuple(refusals)
    takes = [field.name for field in fields(kind) if field.name != "idempotency_key"]

    async def change(info: strawberry.Info, input: Any) -> Any:
        context: Context = info.context
        values = {name: _given(getattr(input, name)) for name in takes}
        key = _given(input.idempotency_key)
        try:
            async with _alone(context.actor.name, key):
                answer = await _decided(info, resolve, values, name=name, key=key)
                for act in context.afterwards:
                    await act()
        except declined as problem:
            # graphql-core would raise an exception again that a resolver returns, so its values go on without it.
            return TYPES[type(problem).__name__](message=problem.message, **asdict(problem))
        await context.renew()
        return await answer.read(context)

    change.__annotations__ = {"info": strawberry.Info, "input": kind, "return": None}
    made = strawberry.field(
        resolver=change, description=inspect.cleandoc(resolve.__doc__ or ""), metadata={DONE_BY: resolve}
    )
    made.type_annotation = StrawberryAnnotation(_union(title, successes, declined), namespace=TYPES)
    return made


@asynccontextmanager
async def _alone(actor: str, key: str | None) -> AsyncIterator[None]:
    """With one key, one at a time: whoever repeats a request finds what the first has done outside, too."""
    if key is None:
        yield
        return
    lock = _AT_WORK.setdefault((actor, key), asyncio.Lock())
    async with lock:
        yield


async def _decided(
    info: Any, resolve: Callable[..., Any], values: dict[str, Any], *, name: str, key: str | None
) -> Answer:
    """What came of a change; of one that others overtook, once it was decided anew on what is so since."""
    for _ in range(_TRIES):
        try:
            return await _changed(info, resolve, values, name=name, key=key)
        except Problem as problem:
            if not problem.overtaken:
                raise
    return await _changed(info, resolve, values, name=name, key=key)


async def _changed(
    info: Any, resolve: Callable[..., Any], values: dict[str, Any], *, name: str, key: str | None
) -> Answer:
    context: Context = info.context
    if not context.actor.known:
        raise Unauthenticated("Sign in first: send a bearer token.")
    if context.actor.viewed_by is not None:
        raise Forbidden("You look as somebody else, and whoever looks changes nothing. Do it as yourself.")
    setting = context.actor.setting
    if setting is not None and name not in setting.mutations:
        raise Forbidden(f"You came with a link to set up one thing, and {name} is not a part of that.")
    once = Once.of(context, key, name, values) if key is not None else None
    context.decided = False
    context.afterwards.clear()
    async with context.work.transaction():
        if once and (known := await once.recall(context.work, _answers(resolve))):
            return known
        answer = Answer.of(await resolve(info, **values))
        assert context.decided, f"{name} never decided whether the actor may"
        if setting is not None:
            await setting_up.note(context.work, setting, next(iter(context.actor.grants)), name, answer.number)
        if once:
            await once.keep(context.work, answer)
    return answer


def _answers(resolve: Callable[..., Any]) -> type | None:
    """The type of the plain value that a mutation answers with, if it does."""
    given = get_type_hints(resolve).get("return")
    arms = [arm for arm in get_args(given) or [given] if isinstance(arm, type) and not issubclass(arm, SQLModel)]
    return arms[0] if len(arms) == 1 else None


def _input(resolve: Callable[..., Any], title: str) -> type:
    hints = get_type_hints(resolve, include_extras=True)
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for parameter in list(inspect.signature(resolve).parameters.values())[1:]:
        annotation, description, leaving = _told(hints[parameter.name], f"{title}.{parameter.name}")
        default = {} if parameter.default is inspect.Parameter.empty else {"default": _default(parameter.default)}
        body["__annotations__"][parameter.name] = annotation
        body[parameter.name] = strawberry.field(description=description, deprecation_reason=leaving, **default)
    body["__annotations__"]["idempotency_key"] = str | None
    body["idempotency_key"] = strawberry.field(description=ONCE, default=strawberry.UNSET)
    made: type = strawberry.input(type(f"{title}Input", (), body), description=f"What `{_public(title)}` takes.")
    return made


def _default(value: Any) -> Any:
    # Left out is written as nothing at all, which reads better in the contract than "= null".
    return strawberry.UNSET if value is None else value


def _given(value: Any) -> Any:
    return None if value is strawberry.UNSET else value


def _told(annotation: Any, where: str) -> tuple[Any, str, str | None]:
    """The type of an argument, its sentence, and why it is on its way out."""
    assert get_origin(annotation) is Annotated, f"{where} has no sentence: write Annotated[type, 'What it is.']"
    kind, description, *more = get_args(annotation)
    leaving = next((each.reason for each in more if isinstance(each, Deprecation)), None)
    return kind, description, leaving


def _public(title: str) -> str:
    return title[0].lower() + title[1:]


def _union(title: str, successes: Sequence[str], refusals: Sequence[type[Problem]]) -> Any:
    if not refusals and len(successes) == 1:
        return successes[0]
    members = [*successes, *(shown(problem) for problem in refusals)]
    return StrawberryUnion(
        name=f"{title}Result",
        type_annotations=tuple(StrawberryAnnotation(member, namespace=TYPES) for member in members),
        description=f"What came of `{_public(title)}`.",
    )


def shown(problem: type[Problem]) -> str:
    """The name of the type that shows a refusal, made the first time."""
    name = problem.__name__
    if name not in TYPES:
        hints, docs = get_type_hints(problem), described(problem)
        body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
        for told in fields(problem):
            annotation = hints[told.name]
            body["__annotations__"][told.name] = annotation
            body[told.name] = strawberry.field(description=docs[told.name])
        made = type(name, (ProblemShown,), body)
        TYPES[name] = strawberry.type(made, description=inspect.cleandoc(problem.__doc__ or ""))
    return name
