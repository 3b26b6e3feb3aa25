"""Later: modules that are imported when they are first asked for something.

A command line has many commands and runs one of them: the others' imports would
only make it slow to answer.
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType


def later(name: str) -> ModuleType:
    """The module of this name, not imported yet unless somebody has."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    assert spec is not None, f"{name} is a module of ours"
    assert spec.loader is not None, f"{name} is a file"
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
