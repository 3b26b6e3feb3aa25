"""What a provider says of somebody's leaving is traced where it does not hold."""

from __future__ import annotations

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table sso_login drop constraint sso_login_purpose_check;
        alter table sso_login add constraint sso_login_purpose_check
            check (purpose in ('sign_in', 'test', 'sign_out'));
    """)
