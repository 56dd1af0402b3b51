"""Modules that have moved are found under their old names too."""

from importlib import import_module

import pytest

from rcs_router import moved


@pytest.mark.parametrize(("old", "new"), moved.MOVED.items())
def test_the_old_name_is_the_same_module(old: str, new: str) -> None:
    module = import_module(f"rcs_router.{new}")
    assert import_module(f"rcs_router.{old}") is module
    assert module.__name__ == module.__spec__.name == f"rcs_router.{new}"


def test_a_module_inside_of_a_moved_package_is_the_same_module() -> None:
    assert import_module("rcs_router.media.download") is import_module("rcs_router.inbox.media.download")


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module("rcs_router.nowhere")
