"""`manage.py rcs_sync_consent`: a provider's list of refusals in, into our ledger; ours out, onto that list."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router.backends import backends, brand_of
from rcs_router.errors import IdentityError, SendError
from rcs_router.people import consent
from rcs_router.people.identities import normalise
from rcs_router.people.numbering import forms

PROGRESS = 100  # numbers between two lines


class Command(BaseCommand):
    help = (
        "Make a provider's list of people who want no messages and our ledger of consent agree: who is on either is on "
        "both. Nobody is taken off the provider's list but those who came back by our ledger."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("alias", nargs="*", help="backends; default: all that keep such a list")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")

    def handle(self, *args: Any, alias: list[str], dry_run: bool, **options: Any) -> None:
        for name in alias:
            if name not in backends:
                raise CommandError(f"There is no backend {name!r}; RCS_BACKENDS has {', '.join(backends)}.")
            if not backends[name].capabilities.opt_out_list:
                raise CommandError(f"{name} keeps no list of people who want no messages.")
        chosen = alias or [name for name in backends if backends[name].capabilities.opt_out_list]
        if not chosen:
            raise CommandError("No backend of RCS_BACKENDS keeps a list of people who want no messages.")
        for name in chosen:
            try:
                self._sync(name, dry_run)
            except SendError as error:
                raise CommandError(f"{name}: {error}. Run it again: what is done is done.") from error

    def _sync(self, alias: str, dry_run: bool) -> None:
        listed = {number: raw for raw in backends[alias].opted_out() if (number := self._number(alias, raw))}
        ours = consent.everybody(brand_of(alias))
        heard = sorted(listed.keys() - ours.keys())
        told = sorted(number for number, out in ours.items() if out and number not in listed)
        returned = sorted(number for number in listed.keys() & ours.keys() if not ours[number])
        self.stdout.write(
            f"{alias}: {len(heard)} new from the provider, {len(told)} to tell it, {len(returned)} to take off its list"
        )
        if dry_run:
            return
        for number in heard:
            consent.record(number, opted_out=True, source="provider list", backend=alias)
        for done, number in enumerate(told, 1):
            backends[alias].opt_out(number)
            if done % PROGRESS == 0:
                self.stdout.write(f"{alias}: told {done} of {len(told)}")
        for number in returned:
            backends[alias].opt_in(_as_listed(number, listed[number]))

    def _number(self, alias: str, raw: str) -> str:
        try:
            return normalise(raw)
        except IdentityError as error:
            self.stderr.write(f"{alias} lists what is no phone number: {error}")
            return ""


def _as_listed(number: str, raw: str) -> str:
    """In the form that the provider's list has it in, which may be an older one."""
    return next((form for form in forms(number) if form.lstrip("+") == raw.strip().lstrip("+")), number)
