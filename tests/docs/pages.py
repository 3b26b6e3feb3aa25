"""Pages: what the documentation shows in blocks of code, and what stands beside it.

    ```graphql as=ada@example.com reason="asked by phone"
    ```json variables pool="Northwind Labs/pools/Pro seats"
    ```json answer
    ```sh account="ada@example.com/account"

A reader sees none of the words behind the language. They tell who asks, and which
things the ids in the variables, such as `"pool_…"`, stand for: by their names in
the demo scene, where `*` is anything. An answer is compared with what comes, and
`…` in it is anything. There may be several answers, each about other things.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]

_FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: where it is, its language, the words behind that, and its text."""

    place: str
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def told(self) -> dict[str, str]:
        """The words that are pairs."""
        pairs = (word.partition("=") for word in self.words)
        return {name: value for name, sign, value in pairs if sign}


@dataclass(frozen=True, slots=True)
class Example:
    """A document with who asks it, its variables, what their ids stand for, and the answer if it is shown."""

    place: str
    document: str
    who: str | None = None
    reason: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    things: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None

    @property
    def changes(self) -> bool:
        """Whether it is a mutation."""
        return re.search(r"^mutation\b", self.document, re.MULTILINE) is not None

    @property
    def follows(self) -> bool:
        """Whether it is a subscription."""
        return re.search(r"^subscription\b", self.document, re.MULTILINE) is not None


def blocks(page: Path) -> list[Block]:
    """The blocks of a page."""
    text = page.read_text()
    return [
        Block(
            f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}",
            found[1],
            tuple(shlex.split(found[2])),
            found[3],
        )
        for found in _FENCE.finditer(text)
    ]


def all_blocks(language: str, *words: str) -> list[Block]:
    """The blocks of all pages in a language, with these words behind it."""
    every = (block for page in PAGES for block in blocks(page))
    return [block for block in every if block.language == language and set(words) <= set(block.words)]


def examples() -> list[Example]:
    """Every GraphQL example of all pages, those for curl included."""
    return [example for page in PAGES for example in (*_examples(blocks(page)), *_for_curl(blocks(page)))]


def _examples(found: list[Block]) -> Iterator[Example]:
    for place, block in enumerate(found):
        if block.language != "graphql":
            continue
        beside = list(takewhile(_belongs, found[place + 1 :]))
        given = next((other for other in beside if "variables" in other.words), None)
        asked = Example(
            block.place,
            block.text,
            block.told.get("as"),
            block.told.get("reason"),
            json.loads(given.text) if given else {},
            given.told if given else {},
        )
        answers = [other for other in beside if "answer" in other.words]
        yield from (_answered(asked, answer) for answer in answers)
        yield from [] if answers else [asked]


def _for_curl(found: list[Block]) -> Iterator[Example]:
    for block in found:
        person = re.search(r"--person (\S+?)\)", block.text)
        for body in re.findall(r"-d '(\{.*\})'$", block.text, re.MULTILINE) if block.language == "sh" else ():
            said = json.loads(body)
            yield Example(
                block.place,
                said["query"],
                person and person[1],
                variables=said.get("variables", {}),
                things=block.told,
            )


def _belongs(block: Block) -> bool:
    return block.language == "json" and not {"variables", "answer"}.isdisjoint(block.words)


def _answered(asked: Example, answer: Block) -> Example:
    return replace(asked, place=answer.place, things={**asked.things, **answer.told}, answer=json.loads(answer.text))
