"""The server that is measured, in a process of its own: ours, which compiles reads or executes them all.

python -m benchmarks.graph.server compiled PORT
python -m benchmarks.graph.server executed PORT
"""

from __future__ import annotations

import os
import sys

import uvicorn

from gateway.app import build
from gateway.installation import signer
from gateway.logs import configure_logging
from gateway.pipe import Pipe
from gateway.settings import load

WAYS = {"compiled": 1, "executed": sys.maxsize}
"""How often the executor answers a document before it is compiled."""


def main(way: str, port: int) -> None:
    settings = load()
    configure_logging(production=True)
    app = build(settings, os.environ["DATABASE_URL"], signer(settings), working=False)
    app.state.reads.after = WAYS[way]
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http=Pipe,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
