"""Loading a scene: everything it says is done by the product's own operations, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from gateway.scenes import agreements, payer, pools, queries, workspaces
from gateway.scenes.form import Person, Scene, SceneInvalid, Workspace
from gateway.scenes.payer import Payer
from gateway.scenes.people import Cast
from gateway.scenes.stage import Playing, Stage
from gateway.scenes.workspaces import Tenant
from kernel import database, ids
from kernel.id_blocks import IdBlocks


async def load(url: str, scene: Scene, now: datetime) -> dict[str, str]:
    """Put a scene into a database, all or nothing, as its owner; the public id of everything in it, by name.

    People who are there by their address, and workspaces that are there by owner and
    name, are kept as they are. Raises SceneInvalid.
    """
    if mistakes := list(_contradictions(scene)):
        raise SceneInvalid(mistakes)
    engine = database.engine(url, role=None, pool_size=0)
    work = Playing(engine, now, ids=IdBlocks())
    try:
        async with work.transaction():
            await queries.wait_for_turn(work)
            secrets = await _play(Stage(work, now), scene)
            work.now = now
            return await names(work, scene) | secrets
    finally:
        await work.close()
        await engine.dispose()


async def _play(stage: Stage, scene: Scene) -> dict[str, str]:
    """Everything that is not there yet; the texts of new keys, by name."""
    secrets: dict[str, str] = {}
    cast = Cast(
        stage,
        {person.email: person for person in scene.people},
        await queries.people(stage.work, set(_addresses(scene))),
    )
    kept = set(cast.found)
    for place, person in enumerate(scene.people):
        if person.email not in kept:
            _announce_person(stage, cast, f"people[{place}]", person, secrets)
    for place, workspace in enumerate(scene.workspaces):
        if await queries.workspace_of(stage.work, workspace.owner, workspace.name) is None:
            _announce_workspace(stage, cast, f"workspaces[{place}]", workspace, secrets)
    await stage.play()
    return secrets


def _announce_person(stage: Stage, cast: Cast, place: str, told: Person, secrets: dict[str, str]) -> None:
    since = payer.beginning(told, told.joined, stage.now)
    account = partial(cast.account, told.email)
    paying = Payer(stage, cast, place, told.email, told, told.email, since, account, secrets)
    stage.then(since, place, account)
    payer.announce(paying)
    agreements.announce(paying)


def _announce_workspace(stage: Stage, cast: Cast, place: str, told: Workspace, secrets: dict[str, str]) -> None:
    tenant = Tenant(stage, cast, place, told, payer.beginning(told, told.created, stage.now))
    paying = Payer(stage, cast, place, told.name, told, told.owner, tenant.since, tenant.account, secrets)
    workspaces.announce(tenant)
    payer.announce(paying)
    agreements.announce(paying)
    pools.announce(tenant, paying)


def _addresses(scene: Scene) -> Iterator[str]:
    """Everybody whom the scene names."""
    yield from (person.email for person in scene.people)
    for workspace in scene.workspaces:
        yield workspace.owner
        yield from (member.email for member in workspace.members)
        yield from (letter.email for letter in workspace.invitations)
        yield from (seat.email for pool in workspace.pools for seat in pool.seated)
        yield from (key.made_by for key in workspace.keys if key.made_by)


def _contradictions(scene: Scene) -> Iterator[str]:
    people = [(f"people[{place}].email", person.email) for place, person in enumerate(scene.people)]
    yield from _twice(people)
    owned = [(f"workspaces[{place}].name", f"{one.name} of {one.owner}") for place, one in enumerate(scene.workspaces)]
    yield from _twice(owned)
    for place, one in enumerate(scene.workspaces):
        where = f"workspaces[{place}]"
        yield from _twice([(f"{where}.pools[{number}].name", pool.name) for number, pool in enumerate(one.pools)])
        members = [(f"{where}.members[{number}].email", member.email) for number, member in enumerate(one.members)]
        yield from _twice([(f"{where}.owner", one.owner), *members])


def _twice(named: list[tuple[str, str]]) -> Iterator[str]:
    known: dict[str, str] = {}
    for place, name in named:
        if name in known:
            yield f"{place}: {name} is at {known[name]} already."
        known.setdefault(name, place)


# Names


async def names(work: Playing, scene: Scene) -> dict[str, str]:
    """What everything in the scene is called, to its public id; see `docs/scenes.md`."""
    found: dict[str, str] = {}
    bases: dict[int, str] = {}
    for email, (person_id, account_id) in (await queries.accounts(work, sorted(set(_addresses(scene))))).items():
        found[email], found[f"{email}/account"] = ids.encode("person", person_id), ids.encode("account", account_id)
        bases[account_id] = email
    for one in scene.workspaces:
        number = await queries.workspace_of(work, one.owner, one.name)
        assert number is not None, "the scene made it"
        base = one.name if one.name not in found else f"{one.name} of {one.owner}"
        found[base], found[f"{base}/account"] = ids.encode("workspace", number), ids.encode("account", number)
        bases[number] = base
    for thing in await queries.named(work, sorted(bases)):
        found[_free(f"{bases[thing.account_id]}/{thing.name}", found)] = ids.encode(thing.kind, thing.number)
    return found


def _free(name: str, taken: dict[str, str]) -> str:
    """The name, or with a number behind it where there are several of one name."""
    number = 1
    while (name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return name if number == 1 else f"{name} {number}"
