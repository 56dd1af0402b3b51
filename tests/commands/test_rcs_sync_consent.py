"""`rcs_sync_consent`: who is on the provider's list or in our ledger is on both afterwards, and nobody is lost."""

import io
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from rcs_router.backends import backends
from rcs_router.errors import Unavailable
from rcs_router.models import ConsentRecord
from rcs_router.people import consent
from rcs_router.testing import MemoryBackend
from tests.core import ALICE, BOB, CAROL

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("listing")]


class Listing(MemoryBackend):
    """Keeps a list."""

    capabilities = replace(MemoryBackend.capabilities, opt_out_list=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listed = {ALICE, "372 55501237", "nobody"}
        self.fails = False

    def opted_out(self) -> list[str]:
        if self.fails:
            raise Unavailable("down")
        return sorted(self.listed)

    def opt_out(self, number: str) -> bool:
        self.listed.add(number)
        return True

    def opt_in(self, number: str) -> bool:
        self.listed.discard(number)
        return True


@pytest.fixture
def listing(settings: Any, router: None) -> Listing:
    path = "tests.commands.test_rcs_sync_consent.Listing"
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "listing": {"BACKEND": path}}
    backend = backends["listing"]
    assert isinstance(backend, Listing)
    return backend


def sync(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("rcs_sync_consent", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refuse(*numbers: str, opted_out: bool = True) -> None:
    for number in numbers:
        consent.record(number, opted_out=opted_out, source="keyword")


@pytest.mark.parametrize("arguments", [[], ["listing"]])
def test_both_lists_become_one(listing, arguments):
    refuse(BOB)
    out, err = sync(*arguments)
    assert consent.refused([ALICE, BOB, CAROL]) == {ALICE, BOB}
    assert {ALICE, BOB} <= listing.listed
    assert out == "listing: 1 new from the provider, 1 to add to its list, 0 to remove from it\n"
    assert "'nobody' is not a phone number" in err
    assert ConsentRecord.objects.get(subject=ALICE).source == "provider list"


def test_a_second_time_nothing_changes(listing):
    refuse(BOB)
    sync()
    assert sync()[0] == "listing: 0 new from the provider, 0 to add to its list, 0 to remove from it\n"


def test_who_came_back_by_us_is_taken_off_the_list(listing):
    refuse(ALICE)
    refuse(ALICE, opted_out=False)
    sync()
    assert ALICE not in listing.listed
    assert consent.refused([ALICE]) == set()


def test_a_dry_run_changes_nothing(listing):
    refuse(BOB)
    assert "1 new from the provider, 1 to add to its list" in sync("--dry-run")[0]
    assert consent.refused([ALICE]) == set()
    assert BOB not in listing.listed


@pytest.mark.parametrize(
    ("arguments", "words"), [(["other"], "There is no backend 'other'"), (["sms"], "sms has no opt-out list")]
)
def test_what_cannot_be_synced_is_named(arguments, words):
    with pytest.raises(CommandError, match=words):
        sync(*arguments)


def test_without_any_list_it_says_so(settings):
    settings.RCS_BACKENDS = {"sms": settings.RCS_BACKENDS["sms"]}
    with pytest.raises(CommandError, match="No backend in RCS_BACKENDS has an opt-out list"):
        sync()


def test_a_provider_in_trouble_is_named(listing):
    listing.fails = True
    with pytest.raises(CommandError, match="listing: unavailable: down"):
        sync()
