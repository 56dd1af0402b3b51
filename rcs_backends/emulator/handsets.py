"""The control API, for the handset page and for tests: look at phones, dials, faults and ledger, and change them.

Errors are `{"error": "<sentence>"}` with status 400 or 404.
"""

import json
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from rcs_backends.emulator import actions, delivery
from rcs_backends.emulator.gate import finished
from rcs_backends.emulator.phones import FEATURES, Handset, Json
from rcs_backends.emulator.state import normalised, world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wires import Problem, Verifies, wires


def control(*verbs: str) -> Callable[[Callable[..., Json]], Callable[..., HttpResponse]]:
    """Make a view of a function from the request's JSON object (empty for GET and DELETE) to the answer's."""

    def decorate(view: Callable[..., Json]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, **path: str) -> HttpResponse:
            try:
                if request.method not in verbs:
                    raise Problem(f"Use {' or '.join(verbs)}.", 405)
                return _json(view(request.method, _body(request), **path))
            except Problem as problem:
                return _json({"error": str(problem)}, problem.status)

        return wrapped

    return decorate


def _json(body: Json, status: int = 200) -> HttpResponse:
    return finished(JsonResponse(body, status=status, headers={"Cache-Control": "no-store"}))


def _body(request: HttpRequest) -> Json:
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise Problem("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Problem("The body must be a JSON object.")
    return body


def page(request: HttpRequest) -> HttpResponse:
    """Show the handset page; `base` is the prefix under which the emulator is mounted."""
    return render(request, "rcs_emulator/handsets.html", {"base": request.path})


def _handset(number: str) -> Handset:
    handset = world.handsets.get(normalised(number))
    if handset is None:
        raise Problem(f"There is no phone {number}.", 404)
    return handset


@control("GET", "POST")
def handsets(verb: str, body: Json) -> Json:
    """GET: every phone. POST: create one, or change the given keys."""
    with world.change():
        if verb == "GET":
            return {"handsets": [handset.as_json() for handset in world.handsets.values()]}
        checked = _checked(body)
        handset = world.handset(checked.pop("number"))
        for key, value in checked.items():
            setattr(handset, key, value)
        if "online" in checked or "rcs" in checked:
            delivery.flush(handset)
        return handset.as_json()


def _checked(body: Json) -> Json:
    switches = dict.fromkeys(("rcs", "online", "anonymous"), bool)
    types: dict[str, type] = {"number": str, "name": str, "features": list, **switches}
    for key, value in body.items():
        if key not in types or not isinstance(value, types[key]):
            raise Problem(f"{key} is unknown or of the wrong type.")
    if any(feature not in (*FEATURES, "PDF_IN_RICH_CARDS") for feature in body.get("features", ())):
        raise Problem(f"features must be among {', '.join(FEATURES)}.")
    return {**body, "number": normalised(body.get("number", ""))}


@control("GET")
def handset(verb: str, body: Json, number: str) -> Json:
    with world.change():
        return _handset(number).as_json()


@control("GET")
def messages(verb: str, body: Json, number: str) -> Json:
    """List a phone's messages, oldest first, with those that it does not show yet."""
    with world.change():
        return {"messages": [message.as_json() for message in _handset(number).messages.values()]}


@control("POST")
def act(verb: str, body: Json, number: str) -> Json:
    with world.change():
        message = actions.perform(_handset(number), body)
        return {"ok": True, "message": message.as_json() if message else None}


@control("GET")
def providers(verb: str, body: Json) -> Json:
    """List the providers, whom a phone can write to there, and the methods that a fault can name."""
    with world.change():
        return {
            "wires": [
                {
                    "provider": wire.provider,
                    "channel": wire.channel,
                    "agents": wire.agents(),
                    "methods": list(wire.methods),
                }
                for wire in wires().values()
            ]
        }


@control("GET", "DELETE")
def ledger(verb: str, body: Json) -> Json:
    """GET: what was accepted, shown and sent back. DELETE: forget everything but the dials."""
    if verb == "DELETE":
        world.forget()
    with world.change():
        kept = world.ledger
        totals = {
            "requests": kept.requests,
            "accepted": len(kept.accepted),
            "shown": len(kept.shown),
            "doubles": kept.doubles,
            "webhooks_waiting": outbox.waiting,
        }
        return {**kept.as_json(), "webhooks": outbox.as_json(), "totals": totals}


@control("GET", "POST", "DELETE")
def faults(verb: str, body: Json) -> Json:
    """Serve the fault dials: see them, set one, take all away."""
    with world.change():
        if verb == "POST":
            return world.faults.add(body).as_json()
        if verb == "DELETE":
            world.faults.clear()
        return {"faults": world.faults.as_json()}


@control("DELETE")
def fault(verb: str, body: Json, fault_id: str) -> Json:
    with world.change():
        if not world.faults.remove(fault_id):
            raise Problem("There is no such fault.", 404)
        return {"faults": world.faults.as_json()}


@control("GET", "POST")
def config(verb: str, body: Json) -> Json:
    """GET: the dials. POST: merge; `{"verify": "<agent>"}` also presses that agent's "Verify webhook" button."""
    agent = body.pop("verify", None)
    if verb == "POST":
        world.configure(body)
        _flush_all()
    answer = dict(world.config)
    if agent is not None:
        answer["verification"] = _verifier(str(agent)).verify(str(agent))
    return answer


def _verifier(agent: str) -> Verifies:
    """Return the provider that has the agent; where none says so, the first with such a button."""
    able = [wire for wire in wires().values() if isinstance(wire, Verifies)]
    with world.change():
        return next((wire for wire in able if agent in wire.agents()), able[0])


def _flush_all() -> None:
    with world.change():
        for handset in world.handsets.values():
            delivery.flush(handset)
