"""The recipients of a body in; their connections or contacts out, or a problem with the path of each wrong one."""

from collections.abc import Callable, Iterable, Sequence

from rcs_router.api.bodies import ConnectionIds, ContactIds, Identities
from rcs_router.api.errors import Problem, invalid
from rcs_router.backends import backends
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Contact
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise


def find(given: Identities | ContactIds | ConnectionIds) -> list[Connection] | list[Contact]:
    """In the order given. Raises Failure 400."""
    if isinstance(given, ContactIds):
        return _contacts(given.contacts)
    if isinstance(given, ConnectionIds):
        return _connections(given.connections)
    where = "recipients"
    tokens = knows_tokens(given.backend, f"{where}.backend")
    return connections_for(given.backend, normalised(given.identities, f"{where}.identities", tokens=tokens))


def knows_tokens(alias: str, path: str) -> bool:
    """Does the backend know anonymous tokens? Raises Failure 400 when there is no such backend."""
    if alias not in backends:
        raise invalid([unknown_backend(alias, path)])
    return backends[alias].capabilities.tokens


def unknown_backend(alias: str, path: str) -> Problem:
    return Problem("unknown_backend", f"there is no backend {alias!r}", path)


def normalised(identities: Iterable[str], path: str, *, tokens: bool) -> list[str]:
    """As they are stored. Raises Failure 400 that names each that is none."""
    good, problems = [], []
    for position, identity in enumerate(identities):
        try:
            good.append(normalise(identity, tokens=tokens))
        except IdentityError as error:
            problems.append(Problem("identity_invalid", str(error), f"{path}[{position}]"))
    if problems:
        raise invalid(problems)
    return good


def _contacts(keys: Sequence[int]) -> list[Contact]:
    found = Contact.objects.in_bulk(keys)
    path = "recipients.contacts"
    _refuse(keys, lambda key: key not in found, "not_found", "there is no contact {}", path)
    reached = set(
        Connection.objects.filter(contact__in=keys, backend__in=list(backends)).values_list(
            "contact", flat=True
        )
    )
    _refuse(keys, lambda key: key not in reached, "no_connection", "contact {} has no connection", path)
    return [found[key] for key in keys]


def _connections(keys: Sequence[int]) -> list[Connection]:
    found = Connection.objects.in_bulk(keys)
    path = "recipients.connections"
    _refuse(keys, lambda key: key not in found, "not_found", "there is no connection {}", path)
    gone = "the backend of connection {} is not in RCS_BACKENDS any more"
    _refuse(keys, lambda key: found[key].backend_id not in backends, "unknown_backend", gone, path)
    return [found[key] for key in keys]


def _refuse(keys: Sequence[int], is_wrong: Callable[[int], bool], code: str, detail: str, path: str) -> None:
    wrong = [
        Problem(code, detail.format(key), f"{path}[{position}]")
        for position, key in enumerate(keys)
        if is_wrong(key)
    ]
    if wrong:
        raise invalid(wrong)
