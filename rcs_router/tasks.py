"""What Celery runs: each task is a doorbell that finds its work in the database, so it may be lost or rung twice."""

from celery import shared_task


@shared_task(name="rcs_router.drain", ignore_result=True)
def drain(alias: str) -> None:
    """Send what is due on one backend."""
    from rcs_router import delivery, sql, sweep, wake
    from rcs_router.models import Transmission

    if delivery.drain(alias) and sweep.has_due(alias, sql.now(Transmission)):
        wake.drain(alias)  # the budget has ended before the work


@shared_task(name="rcs_router.digest", ignore_result=True)
def digest() -> None:
    """Digest stored webhooks and route incoming messages."""
    from rcs_router import inbox

    inbox.digest()


@shared_task(name="rcs_router.fetch", ignore_result=True)
def fetch() -> None:
    """Fetch files that people sent from their providers' links."""
    from rcs_router import media, sql, sweep, wake
    from rcs_router.models import InboundFile

    if media.fetch_due() and sweep.to_fetch(sql.now(InboundFile)):
        wake.fetch()  # the limit was reached before the end of the work


@shared_task(name="rcs_router.revoke", ignore_result=True)
def revoke(alias: str) -> None:
    """Ask one provider to take back what is to be taken back."""
    from rcs_router import expiry

    expiry.revoke_due(alias)


@shared_task(name="rcs_router.tick", ignore_result=True)
def tick() -> None:
    """Once a second: find what is due and what was lost, and ring for it."""
    from rcs_router import sweep

    sweep.tick()
