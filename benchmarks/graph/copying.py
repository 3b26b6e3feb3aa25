"""Copying: many rows like one that is there, made by PostgreSQL itself."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

_COLUMNS = """
select column_name from information_schema.columns
where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position
"""


async def copied(
    connection: asyncpg.Connection, table: str, number: int, numbers: str, others: Mapping[str, str]
) -> None:
    """Insert a row like the one with this number for each of `numbers`; `others` is the SQL of columns that differ."""
    columns = [row["column_name"] for row in await connection.fetch(_COLUMNS, table)]
    values = ", ".join(others.get(column, f"one.{column}") for column in columns)
    await connection.execute(
        f"insert into {table} ({', '.join(columns)})"
        f" select {values} from (select * from {table} where id = {number} limit 1) one cross join {numbers}"
        " on conflict do nothing",
    )
