"""GraphQL Code Generator types what is ready-made, Relay compiles its own, and TypeScript checks all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.trusted.manifests import hashed, read
from tests.docs.clients.building import CLIENTS, MistakeError, Workshop, opened

RELAYS = {
    "InvoiceListPageQuery",
    "InvoiceListQuery",
    "InvoiceListRowQuery",
    "InvoiceListSubscription",
    "InvoiceList_account",
    "InvoiceList_row",
    "SeatListAssignMutation",
    "SeatListPageQuery",
    "SeatListQuery",
    "SeatList_seat",
    "SeatList_workspace",
}


@pytest.mark.parametrize("folder", ["web", "mobile", "internal"])
def test_every_document_has_types(shop: Workshop, folder: str) -> None:
    names = {path.stem for path in (CLIENTS / folder).glob("*.graphql")}

    types = (shop.clients / folder / "generated" / "documents.ts").read_text()

    assert names
    assert {name for name in names if f"export const {name}" not in types} == set()


def test_relay_compiles_pages_refetches_changes_and_subscriptions(shop: Workshop) -> None:
    made = {path.name.removesuffix(".graphql.ts") for path in (shop.clients / "relay" / "__generated__").iterdir()}

    assert made == RELAYS


def test_everything_is_checked_and_runs(shop: Workshop) -> None:
    written = {path.relative_to(shop.clients).with_suffix("") for path in shop.clients.rglob("*.ts")}
    compiled = {path.relative_to(shop.root / "out").with_suffix("") for path in (shop.root / "out").rglob("*.js")}

    assert compiled == written
    assert Path("web/apollo") in compiled


def test_both_manifests_can_be_registered(shop: Workshop) -> None:
    web, relay = read(shop.manifest), read(shop.persisted)

    operations = json.loads(shop.manifest.read_text())["operations"]
    assert {hashed(each["body"]) for each in operations} <= {each.id for each in web}
    assert {f"sha256:{each['id']}" for each in operations} <= {each.id for each in web}
    assert {f"sha256:{id_}" for id_ in json.loads(shop.persisted.read_text())} <= {each.id for each in relay}


def test_a_field_that_is_not_in_the_graph_has_no_types(tools: Path, tmp_path: Path) -> None:
    shop = opened(tools, tmp_path / "shop")
    (shop.clients / "mobile" / "Wrong.graphql").write_text("query Wrong { viewer { shoeSize } }")

    with pytest.raises(MistakeError, match="shoeSize"):
        shop.generate()


def test_relay_refuses_what_is_no_connection(tools: Path, tmp_path: Path) -> None:
    shop = opened(tools, tmp_path / "shop")
    list_ = shop.clients / "relay" / "InvoiceList.ts"
    list_.write_text(list_.read_text().replace("edges {", "rows {"))

    with pytest.raises(MistakeError, match="rows"):
        shop.compile_relay()


def test_code_that_reads_what_it_did_not_ask_for_is_refused(tools: Path, tmp_path: Path) -> None:
    shop = opened(tools, tmp_path / "shop")
    shop.generate()
    shop.compile_relay()
    wrong = 'import type { MeQuery } from "./web/generated/documents.js";\n'
    (shop.clients / "wrong.ts").write_text(wrong + "export const of = (me: MeQuery) => me.viewer.shoeSize;\n")

    with pytest.raises(MistakeError, match="shoeSize"):
        shop.check()
