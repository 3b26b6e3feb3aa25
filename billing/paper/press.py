"""The press: a process of its own that turns sheets into PDF files, one after another.

It is started by its file name, knows nothing of ours but the template and the fonts
beside it, and imports nothing of ours, so that it starts quickly and holds no secret
and no connection. It reads frames from its input and answers each with one: 4 bytes of
length, then a JSON object with `sheet` and `made_at`, or the file. An answer of length
zero says that the sheet can't be printed.

Every text reaches the template as a value (`sys.inputs`), so none is ever read as
markup. The template asks for no package, and reads no file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typst

if sys.platform != "win32":
    import resource

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE / "template" / "paper.typ"
FONTS = HERE / "fonts"

MEMORY = 2 * 1024**3
"""Bytes of address space that the process may have."""

LENGTH = 4
"""Bytes that tell how long a frame is."""

_NOWHERE = str(HERE / "template" / "packages")
_ARCHIVE = ["a-2a", "ua-1"]
"""To be kept for decades, and to be read aloud: PDF/A-2a and PDF/UA-1."""


class Press:
    """The template and the fonts, read once."""

    def __init__(self) -> None:
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
        self._compiler = typst.Compiler(
            TEMPLATE.read_bytes(),
            root=str(TEMPLATE.parent),
            font_paths=fonts,
            ignore_system_fonts=True,
            package_path=_NOWHERE,
            package_cache_path=_NOWHERE,
        )
        self._template = TEMPLATE.read_bytes()

    def print(self, sheet: dict[str, Any], made_at: int) -> bytes:
        """The sheet as a PDF file, dated with a UNIX time; the same bytes for the same sheet."""
        try:
            return self._compiled(sheet, made_at, _ARCHIVE)
        except typst.TypstError:
            # A character that none of our fonts has: the standards forbid the box that is printed for it.
            return self._compiled(sheet, made_at, [])

    def _compiled(self, sheet: dict[str, Any], made_at: int, standards: Any) -> bytes:
        made = self._compiler.compile(
            self._template,
            format="pdf",
            sys_inputs={"sheet": json.dumps(sheet)},
            pdf_standards=standards,
            timestamp=made_at,
        )
        assert isinstance(made, bytes), "a PDF is one file"
        return made


def main() -> None:
    """Print until the input ends."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    press = Press()
    while header := sys.stdin.buffer.read(LENGTH):
        asked = json.loads(sys.stdin.buffer.read(int.from_bytes(header)))
        try:
            made = press.print(asked["sheet"], asked["made_at"])
        except typst.TypstError as failure:
            sys.stderr.write(f"{failure.message}\n")
            made = b""
        sys.stdout.buffer.write(len(made).to_bytes(LENGTH) + made)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
