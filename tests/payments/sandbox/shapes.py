"""Compares what the sandbox answers with the SDK's own annotations."""

import importlib
import inspect
import pkgutil
import types
import typing
from functools import cache
from typing import Any, ForwardRef, Literal, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject

FREE = {"UntypedStripeObject"}


def check(value: Any, path: str = "") -> None:
    """Fail when an object has a field its class doesn't know, lacks one it must have, or has one of another type."""
    wrong = list(faults(value, classes()[value["object"]], path or value["object"]))
    assert not wrong, "\n".join(wrong)


def check_list(listed: Any) -> None:
    assert listed["object"] == "list"
    assert set(listed) == {"object", "data", "has_more", "url"}
    for member in listed["data"]:
        check(member)


def faults(value: Any, annotation: Any, path: str) -> typing.Iterator[str]:
    kind = resolved(annotation)
    origin = get_origin(kind)
    if kind is None:
        return iter([f"{path} would be an object that the sandbox doesn't make"])
    if kind is Any:
        return iter(())
    if (origin or kind).__name__ in FREE:
        return iter(() if isinstance(value, dict) else [f"{path} is not a hash: {value!r}"])
    if origin in JUDGES:
        return JUDGES[origin](value, get_args(kind), path)
    if issubclass(kind, StripeObject):
        return of_object(value, kind, path)
    right = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    return iter(() if right else [f"{path} is {value!r}, not {kind.__name__}"])


def resolved(annotation: Any) -> Any:
    if isinstance(annotation, ForwardRef):
        return named(annotation.__forward_arg__)
    return named(annotation) if isinstance(annotation, str) else annotation


def of_literal(value: Any, words: tuple[Any, ...], path: str) -> typing.Iterator[str]:
    if value not in words:
        yield f"{path} is {value!r}, not one of {words[:8]}"


def of_either(value: Any, kinds: tuple[Any, ...], path: str) -> typing.Iterator[str]:
    if value is None and type(None) in kinds:
        return
    # An open enum is a union with `str`; ours must be one of the listed words.
    literals = [kind for kind in kinds if get_origin(kind) is Literal]
    chosen = [kind for kind in kinds if kind is not type(None) and not (literals and kind is str)]
    results = [list(faults(value, kind, path)) for kind in chosen]
    if all(results):
        yield from min(results, key=len)


def of_list(value: Any, kinds: tuple[Any, ...], path: str) -> typing.Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is not a list: {value!r}"
        return
    for place, member in enumerate(value):
        yield from faults(member, kinds[0], f"{path}[{place}]")


def of_page(value: Any, kinds: tuple[Any, ...], path: str) -> typing.Iterator[str]:
    if not isinstance(value, dict) or value.get("object") != "list":
        yield f"{path} is not a list object: {value!r}"
        return
    yield from of_list(value["data"], kinds, f"{path}.data")


def of_object(value: Any, kind: type[StripeObject], path: str) -> typing.Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is not a hash: {value!r}"
        return
    if value.get("deleted") is True:
        if set(value) != {"id", "object", "deleted"}:
            yield f"{path} is deleted and has more than its id"
        return
    fields = annotations(kind)
    for name in value.keys() - fields.keys():
        yield f"{path}.{name} is unknown to {kind.__name__}"
    for name, annotation in fields.items():
        if name in value:
            yield from faults(value[name], annotation, f"{path}.{name}")
        elif not optional(annotation):
            yield f"{path}.{name} is missing"


def optional(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def annotations(kind: type) -> dict[str, Any]:
    """The declared fields, without the SDK's own machinery."""
    own = {name: value for name, value in inspect.get_annotations(kind).items() if not name.startswith("_")}
    return {name: value for name, value in own.items() if get_origin(value) is not typing.ClassVar}


JUDGES = {
    typing.Union: of_either,
    types.UnionType: of_either,
    Literal: of_literal,
    list: of_list,
    ListObject: of_page,
}


def named(name: str) -> Any:
    return everything().get(name) or everything().get(name.removesuffix("Resource"))


@cache
def classes() -> dict[str, Any]:
    return {getattr(kind, "OBJECT_NAME", ""): kind for kind in everything().values()}


@cache
def everything() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for home in (stripe, importlib.import_module("stripe.radar"), importlib.import_module("stripe.checkout")):
        for module in pkgutil.iter_modules(home.__path__):
            if module.name.startswith("_") and not module.name.endswith("_service"):
                loaded = importlib.import_module(f"{home.__name__}.{module.name}")
                found |= {
                    name: value
                    for name, value in vars(loaded).items()
                    if isinstance(value, type)
                    and issubclass(value, StripeObject)
                    and value.__module__ == loaded.__name__
                }
    return found
