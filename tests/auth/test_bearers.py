from __future__ import annotations

from hashlib import sha256

from auth import bearers


def test_a_text_is_known_by_its_digest_and_by_its_prefix() -> None:
    issued = bearers.issue("sgs_")

    assert issued.digest == sha256(issued.text.encode()).digest()
    assert bearers.digest(issued.text, "sgs_") == bearers.digest(issued.text, "sgc_", "sgs_") == issued.digest
    assert issued.text not in repr(issued)


def test_what_is_no_text_of_ours_has_no_digest() -> None:
    text = bearers.issue("sgs_").text
    others = ["", "sgs_", text[:-1], text + "x", text + "\n", "\0" + text[1:], "sgv_" + text[4:], text[:-1] + "é"]

    assert [bearers.digest(other, "sgs_", "sgc_") for other in others] == [None] * len(others)
    assert bearers.digest(text) is None


def test_no_text_comes_twice() -> None:
    assert len({bearers.issue("sgs_").text for _ in range(100)}) == 100
