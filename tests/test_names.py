from __future__ import annotations

from rnnfast.names import dinosaur_names


def test_dinosaur_names_are_what_a_character_model_learns_from():
    names = dinosaur_names()
    assert list(names) == sorted(set(names))
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert all(2 <= len(name) <= 26 for name in names)
    assert sum(name.endswith("saurus") for name in names) > 300
