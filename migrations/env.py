"""Alembic's way in, on the one connection that `kernel.database.migrate` made and locked."""

from typing import Any

from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from sqlmodel import SQLModel


class Script(PostgresqlImpl):
    """Runs the text of a migration as the script of statements that it is."""

    # Registered by this name, in the place of Alembic's own.
    __dialect__ = "postgresql"

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        """Send text as it stands: a prepared statement holds one command, and a colon would be a parameter."""
        if not isinstance(sql, str) or self.as_sql or self.connection is None:
            super().execute(sql, execution_options)
            return
        # It begins the transaction, which text sent past SQLAlchemy would otherwise escape.
        self.connection.exec_driver_sql("select 1")
        adapted: Any = self.connection.connection.dbapi_connection
        adapted.run_async(lambda driver: driver.execute(sql))


context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
