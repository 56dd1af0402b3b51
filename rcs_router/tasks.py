"""The Celery tasks: each wakes a thread of its process (`threads`), which finds its work in the database.

So a task takes no time, may be lost, and may come twice. A task that is called directly does the work itself.
"""

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_process_shutdown, worker_shutdown

from rcs_router import wake


def _serve(task: "Task[Any, Any]", *args: str) -> None:
    from rcs_router.threads import perform, worker_threads

    wake_up = (task.name, *args)
    if task.request.called_directly or task.request.is_eager:
        perform(wake_up)
    else:
        worker_threads.wake(wake_up)


@shared_task(bind=True, name=wake.DRAIN, ignore_result=True)
def drain(self: "Task[Any, Any]", alias: str) -> None:
    """Send what is due on one backend."""
    _serve(self, alias)


@shared_task(bind=True, name=wake.DIGEST, ignore_result=True)
def digest(self: "Task[Any, Any]") -> None:
    """Digest stored webhooks and route incoming messages."""
    _serve(self)


@shared_task(bind=True, name=wake.FETCH, ignore_result=True)
def fetch(self: "Task[Any, Any]") -> None:
    """Fetch files that people sent, from their providers' links."""
    _serve(self)


@shared_task(bind=True, name=wake.CHECK, ignore_result=True)
def check(self: "Task[Any, Any]") -> None:
    """Do the capability checks that wait."""
    _serve(self)


@shared_task(bind=True, name=wake.REVOKE, ignore_result=True)
def revoke(self: "Task[Any, Any]", alias: str) -> None:
    """Ask one provider to revoke the messages that are due for it."""
    _serve(self, alias)


@shared_task(name=wake.TICK, ignore_result=True)
def tick() -> None:
    """Once a second, by beat: sweep, and wake workers for what is due."""
    from rcs_router import sweep

    sweep.tick()


@worker_process_shutdown.connect
@worker_shutdown.connect
def finish(**kwargs: Any) -> None:
    """Finish the requests in flight, and give back other claims, before the process ends."""
    from rcs_router.threads import worker_threads

    worker_threads.stop()
