"""The queue of background jobs, as pgqueuer 1.6 declares it, in a schema of its own.

Jobs name events of the outbox and hold nothing of a customer's.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())
