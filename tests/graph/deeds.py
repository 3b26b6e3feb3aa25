"""Deeds: what people do in tests about who they are, and what came of it in a word."""

from __future__ import annotations

from auth.policy import Role
from auth.refusal import SENTENCE
from tests.graph.crowd import outcome
from tests.scenery import Asker, Reply, Scene, Somebody

PROBLEM = "__typename ... on Problem { message }"
ME = "{ viewer { kind person { id email emailVerified } account { id } } }"


async def renames(scene: Scene, asker: Asker, reason: str | None = None) -> str:
    return outcome(
        await scene.world.change("renameWorkspace", asker, reason_=reason, workspace=scene.id, name="Renamed")
    )


async def invites(scene: Scene, asker: Asker, role: Role = Role.MEMBER, reason: str | None = None) -> str:
    email = f"new.{scene.world.number()}@example.test"
    reply = await scene.world.change(
        "inviteMember", asker, reason_=reason, shows_=PROBLEM, workspace=scene.id, email=email, role=role.name
    )
    return outcome(reply)


async def turns(scene: Scene, asker: Asker, who: Somebody, role: Role) -> str:
    changed = {"member": scene.member(who), "role": role.name}
    return outcome(await scene.world.change("changeRole", asker, shows_=PROBLEM, **changed))


async def removes(scene: Scene, asker: Asker, who: Somebody) -> str:
    return outcome(await scene.world.change("removeMember", asker, shows_=PROBLEM, member=scene.member(who)))


async def accepts(scene: Scene, asker: Asker, invitation: str) -> str:
    return outcome(await scene.world.change("acceptInvitation", asker, shows_=PROBLEM, invitation=invitation))


def refused(reply: Reply) -> bool:
    shown = {"message": SENTENCE, "extensions": {"code": "UNAUTHENTICATED"}}
    return reply == (401, {"errors": [shown]})
