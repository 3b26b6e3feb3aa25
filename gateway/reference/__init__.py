"""The reference: every query, change, type and word of the graph, on pages of Markdown written from the schema.

Nothing is said that the code doesn't say: the descriptions are those of the graph, the points
those of `schema.weights`, and the permissions those that resolvers and rows ask for.
"""

from __future__ import annotations

from pathlib import Path

import schema
from gateway.reference.pages import all_pages
from gateway.reference.told import Graph

FOLDER = Path(schema.__file__).parents[1] / "docs" / "reference"
"""Where the pages are."""


def text() -> dict[str, str]:
    """Every page by the name of its file."""
    return all_pages(Graph(schema.graph()._schema))  # noqa: SLF001 - Strawberry offers no other way in


def write() -> None:
    """Write every page, and remove those that are none any more."""
    if not FOLDER.parent.exists():
        return
    FOLDER.mkdir(exist_ok=True)
    written = text()
    for name, page in written.items():
        (FOLDER / name).write_text(page)
    for old in _there() - written.keys():
        (FOLDER / old).unlink()


def differences() -> list[str]:
    """Which pages differ from what the schema says, a line for each; where no documentation is installed, none."""
    if not FOLDER.parent.exists():
        return []
    told = text()
    stale = [name for name, page in told.items() if name in _there() and (FOLDER / name).read_text() != page]
    missing, extra = told.keys() - _there(), _there() - told.keys()
    return [
        *(f"{name} of the reference says something else than the code" for name in stale),
        *(f"{name} of the reference is missing" for name in sorted(missing)),
        *(f"{name} of the reference is about nothing" for name in sorted(extra)),
    ]


def _there() -> set[str]:
    return {path.name for path in FOLDER.glob("*.md")}
