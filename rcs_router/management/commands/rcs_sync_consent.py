"""`manage.py rcs_sync_consent`: copy opt-outs from the provider's list to the consent ledger, and the other way."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router.backends import backends, brand_of
from rcs_router.errors import IdentityError, SendError
from rcs_router.people import consent
from rcs_router.people.identities import normalise
from rcs_router.people.numbering import forms

PROGRESS = 100  # numbers between two progress lines


class Command(BaseCommand):
    help = (
        "Synchronise a provider's opt-out list with the consent ledger: afterwards, everybody on either is on both. "
        "A number is removed from the provider's list only if the ledger says that the person came back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("alias", nargs="*", help="backends; default: all backends with an opt-out list")
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")

    def handle(self, *args: Any, alias: list[str], dry_run: bool, **options: Any) -> None:
        for name in alias:
            if name not in backends:
                raise CommandError(f"There is no backend {name!r}; RCS_BACKENDS has {', '.join(backends)}.")
            if not backends[name].capabilities.opt_out_list:
                raise CommandError(f"{name} has no opt-out list.")
        chosen = alias or [name for name in backends if backends[name].capabilities.opt_out_list]
        if not chosen:
            raise CommandError("No backend in RCS_BACKENDS has an opt-out list.")
        for name in chosen:
            try:
                self._sync(name, dry_run)
            except SendError as error:
                raise CommandError(
                    f"{name}: {error}. Run the command again: changes that are already made are kept."
                ) from error

    def _sync(self, alias: str, dry_run: bool) -> None:
        listed = {number: raw for raw in backends[alias].opted_out() if (number := self._number(alias, raw))}
        ledger = consent.everybody(brand_of(alias))
        new = sorted(listed.keys() - ledger.keys())
        missing = sorted(number for number, out in ledger.items() if out and number not in listed)
        returned = sorted(number for number in listed.keys() & ledger.keys() if not ledger[number])
        self.stdout.write(
            f"{alias}: {len(new)} new from the provider, {len(missing)} to add to its list, "
            f"{len(returned)} to remove from it"
        )
        if dry_run:
            return
        for number in new:
            consent.record(number, opted_out=True, source="provider list", backend=alias)
        for done, number in enumerate(missing, 1):
            backends[alias].opt_out(number)
            if done % PROGRESS == 0:
                self.stdout.write(f"{alias}: added {done} of {len(missing)} to its list")
        for number in returned:
            backends[alias].opt_in(_as_listed(number, listed[number]))

    def _number(self, alias: str, raw: str) -> str:
        try:
            return normalise(raw)
        except IdentityError as error:
            self.stderr.write(f"{alias} lists an entry that is not a phone number: {error}")
            return ""


def _as_listed(number: str, raw: str) -> str:
    """Return the number in the form that the provider's list has, which may be an older one."""
    return next((form for form in forms(number) if form.lstrip("+") == raw.strip().lstrip("+")), number)
