"""Reading a scene: JSON in, a scene out, or every mistake in one sentence with its place."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.scenes.form import Form, Scene, SceneInvalid

LONGEST = 20_000_000
"""The largest scene file, in bytes."""


def read(text: str | bytes) -> Scene:
    """The scene that a JSON text holds. Raises SceneInvalid with every mistake in its form."""
    try:
        return Scene.model_validate_json(text)
    except ValidationError as mistakes:
        raise SceneInvalid([_sentence(mistake) for mistake in mistakes.errors(include_url=False)]) from None


def read_file(path: Path) -> Scene:
    """The scene that a file holds. Raises SceneInvalid."""
    try:
        if path.stat().st_size > LONGEST:
            raise SceneInvalid([f"{path} is longer than {LONGEST:,} bytes: part it into several scenes."])
        return read(path.read_bytes())
    except OSError as failure:
        raise SceneInvalid([f"{path} can't be read: {failure.strerror}."]) from None


def place_of(keys: tuple[int | str, ...]) -> str:
    """A place as people write it: workspaces[0].pools[1].seats."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _sentence(mistake: ErrorDetails) -> str:
    keys = mistake["loc"]
    match mistake["type"]:
        case "json_invalid":
            return f"This is not JSON: {mistake['ctx']['error']}."
        case "missing":
            return f"{place_of(keys)}: is missing."
        case "extra_forbidden":
            return f"{place_of(keys)}: is not known there.{_meant(keys)}"
        case "value_error":
            return f"{place_of(keys)}: {mistake['ctx']['error']}"
        case "enum":
            return f"{place_of(keys)}: must be {mistake['ctx']['expected']}."
        case _:
            return f"{place_of(keys) or 'The scene'}: {mistake['msg'][0].lower()}{mistake['msg'][1:]}."


def _meant(keys: tuple[int | str, ...]) -> str:
    """What was probably meant by a key that is not known."""
    form: Any = Scene
    for key in keys[:-1]:
        if isinstance(key, str):
            form = _part(form.model_fields[key].annotation)
    known = sorted(form.model_fields)
    close = get_close_matches(str(keys[-1]), known, 1)
    return f" Did you mean {close[0]}?" if close else f" Known are {', '.join(known)}."


def _part(annotation: Any) -> Any:
    """The form that a field holds, or a list of it, or nothing."""
    if isinstance(annotation, type) and issubclass(annotation, Form):
        return annotation
    return next(found for part in annotation.__args__ if (found := _part(part)))
