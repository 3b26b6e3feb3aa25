"""What the documentation says outside of GraphQL holds too: commands, files of the catalog, scenes, links."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import typer.main

from billing import catalog_files
from gateway import scenes
from gateway.__main__ import app
from gateway.catalog import FOLDER
from gateway.installation import configure
from tests.docs.demo import Demo
from tests.docs.pages import PAGES, ROOT, Block, all_blocks

EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
_CODE = re.compile(r"^```sh\n(.*?)^```$|^ {4}(\S.*?)$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[ /(])seatgraph +([^)|>#\n\"]+)", re.MULTILINE)
_FILE = re.compile(r"# (coupons\.toml)$", re.MULTILINE)
"""A file of the catalog beside the plans says its name first."""

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(
    r"/(?:home|root|work|tmp|Users)/|py[p]i|pythonhost[e]d|np[m]|crates[.]io|proxy[.]gol", re.IGNORECASE
)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def commands() -> list[str]:
    """Every command line of ours that a page has in a block or between backticks."""
    codes = ("".join(filter(None, found.groups())) for page in PAGES for found in _CODE.finditer(page.read_text()))
    return sorted({told.strip() for code in codes for told in _COMMAND.findall(code)})


@pytest.mark.parametrize("line", commands())
def test_a_command_exists_with_its_options(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)

    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]

    assert not getattr(command, "commands", {}) or command.name == "clock", f"{line} is no whole command"
    left = list(without_options(command, words))
    assert len(left) <= len([each for each in command.params if each.param_type_name == "argument"])


def without_options(command: Any, words: list[str]) -> Iterator[str]:
    """The arguments among the words of a command, of which every option has to be known."""
    known = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            yield word
            continue
        assert word in known, f"{word} is no option of {command.name}"
        if not known[word].is_flag:
            assert next(rest, None), f"{word} wants a value"


def test_the_pages_name_commands_at_all() -> None:
    assert {"verify", "migrate", "clock advance 3d"} <= set(commands())


def the_scenes() -> list[Block]:
    """Every block that holds people or workspaces."""
    return [block for block in all_blocks("json") if json.loads(block.text).keys() <= {"people", "workspaces"}]


@pytest.mark.parametrize("block", all_blocks("toml"), ids=attrgetter("place"))
def test_what_is_sold_is_a_file_of_the_catalog(tmp_path: Path, block: Block) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    named = _FILE.match(block.text)
    (tmp_path / (named[1] if named else "plan.toml")).write_text(block.text)

    read = catalog_files.read(tmp_path)

    assert read.coupons if named else len(read.plans) > len(catalog_files.read(FOLDER).plans)


@pytest.mark.parametrize("block", the_scenes(), ids=attrgetter("place"))
async def test_a_scene_can_be_put_on(demo: Demo, block: Block) -> None:
    configure(demo.settings)

    assert await scenes.load(demo.url, scenes.read(block.text), datetime.now(UTC))


@pytest.mark.parametrize("block", all_blocks("python"), ids=attrgetter("place"))
def test_python_is_python(block: Block) -> None:
    assert ast.parse(block.text).body


@EVERY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        target, _, place = link.partition("#")
        file = (page.parent / target).resolve() if target else page

        assert "://" not in link, f"{link} leads out of the house"
        assert file.exists(), f"{link} leads nowhere"
        assert not place or place in anchors(file), f"{link} leads to no heading"


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings: lower case, dashes for blanks, nothing but words."""
    return {re.sub(r"[^\w\- ]", "", told.lower()).replace(" ", "-") for told in _HEADING.findall(page.read_text())}


@EVERY_PAGE
def test_a_page_speaks_of_no_machine_and_no_registry(page: Path) -> None:
    assert not _ELSEWHERE.findall(page.read_text())


@EVERY_PAGE
def test_a_page_is_reachable_from_the_index(page: Path) -> None:
    index = ROOT / "docs" / "index.md"
    told = {(index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(index.read_text())}

    assert page == index or page in told, "docs/index.md doesn't name it"
