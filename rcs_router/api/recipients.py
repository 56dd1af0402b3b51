"""Find the recipients that a body names; the errors name every wrong one with its path."""

from collections.abc import Callable, Iterable, Sequence

from rcs_router.api.bodies import ConnectionIds, ContactIds, Identities
from rcs_router.api.exceptions import Problem, bad_request
from rcs_router.backends import backends
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Contact
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise


def resolve(given: Identities | ContactIds | ConnectionIds) -> list[Connection] | list[Contact]:
    """Return the recipients in the order of the body. Raises APIError 400."""
    if isinstance(given, ContactIds):
        return _contacts(given.contacts)
    if isinstance(given, ConnectionIds):
        return _connections(given.connections)
    where = "recipients"
    tokens = accepts_tokens(given.backend, f"{where}.backend")
    return connections_for(
        given.backend, normalise_all(given.identities, f"{where}.identities", tokens=tokens)
    )


def accepts_tokens(alias: str, path: str) -> bool:
    """Return whether the backend has anonymous tokens. Raises APIError 400 for an unknown backend."""
    if alias not in backends:
        raise bad_request(unknown_backend(alias, path))
    return backends[alias].capabilities.tokens


def unknown_backend(alias: str, path: str) -> Problem:
    """Return the problem that `alias` is not in RCS_BACKENDS."""
    return Problem("unknown_backend", f"there is no backend {alias!r}", path)


def normalise_all(identities: Iterable[str], path: str, *, tokens: bool) -> list[str]:
    """Return the identities as they are stored. Raises APIError 400 that names every invalid one."""
    good, problems = [], []
    for position, identity in enumerate(identities):
        try:
            good.append(normalise(identity, tokens=tokens))
        except IdentityError as error:
            problems.append(Problem("identity_invalid", str(error), f"{path}[{position}]"))
    if problems:
        raise bad_request(*problems)
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
        raise bad_request(*wrong)
