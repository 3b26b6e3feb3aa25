"""Looking up: an index finds people for whoever row-level security binds, too."""

from kernel import database
from tests.scene import Scene


async def test_an_address_finds_its_person_without_reading_everybody(workspace: Scene) -> None:
    async with (
        database.connected(workspace.world.url, role=database.APP_ROLE) as connection,
        connection.transaction(),
    ):
        await connection.execute(f"set local enable_seqscan = off; set local app.account = '{workspace.number}'")

        plan = await connection.fetch("explain select id from person where lower_email = any('{ada@acme.test}')")

    said = "\n".join(row[0] for row in plan)
    assert "using person_lower_email_idx on person" in said
    assert "Seq Scan" not in said
