"""Directories: connected by admins, with two tokens at a time that nobody can read again."""

from __future__ import annotations

from typing import Any

from auth import bearers
from auth.directories import tokens
from auth.policy import Role
from kernel import ids
from tests.scenery import Scene

SHOWN = "__typename ... on DirectoryTokenShown { text token { id directory { name } } } ... on Problem { message }"
TOKENS = "query($id: ID!) { workspace(id: $id) { directories { name disabledAt tokens { id lastUsedAt } } } }"


async def rotated(scene: Scene, directory: str) -> Any:
    reply = await scene.world.change("rotateDirectoryToken", scene.owner, shows_=SHOWN, directory=directory)
    return reply.data["rotateDirectoryToken"]


async def test_a_token_is_shown_once_and_kept_as_a_hash(workspace: Scene) -> None:
    directory = await workspace.directory("Okta")

    made = await rotated(workspace, directory)

    row = await workspace.world.value(
        "select to_jsonb(t)::text from directory_token t where id = $1", ids.decode("token", made["token"]["id"])
    )
    record = await workspace.world.value(
        "select after::text from audit_record where account_id = $1 order by seq desc limit 1", workspace.number
    )
    digest = bearers.digest(made["text"], tokens.PREFIX)
    assert digest is not None
    assert digest.hex() in row
    assert made["text"] not in row + record
    assert digest.hex() not in record
    assert made["token"]["directory"] == {"name": "Okta"}


async def test_a_directory_has_two_tokens_at_most(workspace: Scene) -> None:
    directory = await workspace.directory()
    first = await rotated(workspace, directory)
    await rotated(workspace, directory)

    refused = await rotated(workspace, directory)
    await workspace.world.change("removeDirectoryToken", workspace.owner, token=first["token"]["id"])
    again = await rotated(workspace, directory)

    assert refused["__typename"] == "TooManyTokens"
    assert "Remove the one that it no longer uses" in refused["message"]
    assert again["text"].startswith("sgd_")
    told = await workspace.world.ask(TOKENS, workspace.members[Role.AUDITOR], id=workspace.id)
    (shown,) = told.data["workspace"]["directories"]
    assert len(shown["tokens"]) == 2
    assert first["token"]["id"] not in {token["id"] for token in shown["tokens"]}


async def test_a_directory_that_was_disabled_gets_no_token_and_no_other_name(workspace: Scene) -> None:
    directory = await workspace.directory("Entra")
    await workspace.world.change("disableDirectory", workspace.owner, directory=directory)

    token = await rotated(workspace, directory)
    told = "__typename ... on Problem { message }"
    changed = await workspace.world.change(
        "changeDirectory", workspace.owner, shows_=told, directory=directory, name="Other"
    )

    assert token == {"__typename": "DirectoryDisabled", "message": "Entra was disabled. Connect a new directory."}
    assert changed.data["changeDirectory"]["__typename"] == "DirectoryDisabled"
    assert await workspace.world.value("select name from directory where id = $1", ids.decode("directory", directory))


async def test_a_pool_of_another_workspace_seats_nobody_here(workspace: Scene) -> None:
    other = await workspace.world.workspace(roles=[Role.OWNER])
    pool, directory = await other.pool(), await workspace.directory()

    replies = [
        await workspace.world.change("createDirectory", workspace.owner, workspace=workspace.id, name="D", pool=pool),
        await workspace.world.change("changeDirectory", workspace.owner, directory=directory, pool=pool),
    ]

    assert [reply.code for reply in replies] == ["NOT_FOUND", "NOT_FOUND"]
    assert await workspace.world.value("select count(*) from directory where account_id = $1", workspace.number) == 1


async def test_the_token_of_a_directory_asks_nothing_of_the_graph(workspace: Scene) -> None:
    _, text = await workspace.directory_token(await workspace.directory())

    reply = await workspace.world.ask("{ viewer { kind } }", text)

    assert (reply.status, reply.code) == (401, "UNAUTHENTICATED")
