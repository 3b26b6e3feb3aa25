"""(f), a change: somebody who owns a large workspace gives seats to its members, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import asyncpg

from benchmarks.graph.copying import copied
from benchmarks.graph.operations import Operation
from benchmarks.graph.servers import Server

ASSIGN = """mutation Assign($pool: ID!, $email: String!) { assignSeat(input: {pool: $pool, email: $email}) {
    __typename ... on Seat { id state email } } }"""

PEOPLE, MEMBERS, SEATS = 6_000_000_000, 6_500_000_000, 7_000_000_000
"""From where on the numbers of these are counted, of which nobody else has one."""

_SOMEBODY = """
select l.id as pool, t.person_id as person, m.id as member from license_pool l
join assignment t on t.account_id = l.account_id and t.pool_id = l.id and t.state = 'active'
join member m on m.account_id = t.account_id and m.person_id = t.person_id and m.state = 'active' and m.role = 'member'
where l.account_id = $1 limit 1
"""
_ADDRESS = "member{}@measured.example"


@dataclass(frozen=True, slots=True)
class Seating:
    """A pool with room for so many members who have no seat yet."""

    operation: Operation
    connection: asyncpg.Connection
    members: int
    assigned: int

    def requests(self, server: Server) -> list[bytes]:
        """For each member the request that gives them a seat; none where the server can't."""
        return [asked for each in self._operations() if (asked := server.asked(each))]

    async def clear(self) -> None:
        """Take all these seats back, as if they had never been given."""
        pool = self.operation.variables["pool"][1]
        await self.connection.execute("delete from assignment where person_id > $1", PEOPLE)
        await self.connection.execute("update license_pool set assigned = $2 where id = $1", pool, self.assigned)
        await self.connection.execute("vacuum analyze assignment")
        await self.connection.execute("vacuum license_pool")

    def _operations(self) -> Iterator[Operation]:
        known = self.operation.variables
        for place in range(1, self.members + 1):
            yield replace(self.operation, variables=known | {"email": _ADDRESS.format(place)})


async def seating(connection: asyncpg.Connection, seats: Operation, members: int) -> Seating:
    """Members without a seat, and room for them, in the workspace of (b)."""
    workspace = seats.variables["workspace"][1]
    ((pool, person, member),) = await connection.fetch(_SOMEBODY, workspace)
    address = "'" + _ADDRESS.format("' || n || '") + "'"
    numbers = f"generate_series(1, {members}) n"
    await copied(connection, "person", person, numbers, {"id": f"{PEOPLE} + n", "email": address})
    await copied(connection, "member", member, numbers, {"id": f"{MEMBERS} + n", "person_id": f"{PEOPLE} + n"})
    await connection.execute(f"create sequence if not exists measured_seat start {SEATS}")
    assigned: int = await connection.fetchval(
        "update license_pool set purchased = greatest(purchased, assigned + set_apart + $2) where id = $1"
        " returning assigned",
        pool,
        members,
    )
    operation = Operation("f", ASSIGN, seats.person, seats.asker, {"pool": ("pool", pool)})
    return Seating(operation, connection, members, assigned)
