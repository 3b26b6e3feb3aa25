"""Manifests: those of Apollo, Relay and plain maps, and what is wrong in one."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.trusted import manifests
from gateway.trusted.manifests import Listed, hashed
from kernel.errors import InvalidInput

PLANS, VIEWER = "query Plans { plans { key } }", "query Viewer { viewer { kind } }"


def read(folder: Path, written: Any) -> list[Listed]:
    path = folder / "web.json"
    path.write_text(written if isinstance(written, str) else json.dumps(written))
    return manifests.read(path)


@pytest.mark.parametrize(
    "written",
    [
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [
                {"id": hashed(PLANS).removeprefix("sha256:"), "name": "Plans", "type": "query", "body": PLANS},
                {"id": hashed(VIEWER).removeprefix("sha256:"), "name": "Viewer", "type": "query", "body": VIEWER},
            ],
        },
        {hashed(PLANS): PLANS, hashed(VIEWER).removeprefix("sha256:"): VIEWER},
        [PLANS, VIEWER],
    ],
    ids=["Apollo's", "a map", "a list"],
)
def test_a_document_is_known_by_its_own_hash(tmp_path: Path, written: Any) -> None:
    assert read(tmp_path, written) == [Listed(hashed(PLANS), PLANS), Listed(hashed(VIEWER), VIEWER)]


def test_another_id_is_one_more_name_of_it(tmp_path: Path) -> None:
    relay = {"5d41402abc4b2a76b9719d911017c592": PLANS}

    assert read(tmp_path, relay) == [
        Listed(hashed(PLANS), PLANS),
        Listed("x-id:5d41402abc4b2a76b9719d911017c592", PLANS),
    ]
    assert read(tmp_path, [["x-relay:1", PLANS]])[1].id == "x-relay:1"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{", "is not JSON"),
        (7, "is no manifest"),
        ({"a": 1}, "a document that is no text"),
        ([{"id": "a"}], "a document that is no text"),
        ([["a", "b", "c"]], "a document that is no text"),
        ({hashed(VIEWER): PLANS}, "is not the SHA-256 of its document"),
        ({"a b": PLANS}, "'documentId' is sha256:"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_manifest_is_told(tmp_path: Path, written: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read(tmp_path, written)


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        manifests.read(tmp_path / "none.json")
