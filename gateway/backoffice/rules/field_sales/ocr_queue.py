"""Documents that wait to be read: queued, taken in hand by one node, tried again, counted.

``due_at`` says when a job or page is to be read, and is empty when nobody asked for it. Whoever
takes it moves that moment past the time that reading may take; so another node begins again when
the first one died, and never before.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape

from sqlalchemy import case

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Conflict

#: What can be read -> the member that holds its address.
ADDRESSES = {"ocr_job": "document_url", "ocr_job_page": "page_url"}

#: Taken in one round; the rest waits for the next.
_MOST = 20

#: What groups are made with when they say nothing (contract: ``processingSettings``).
_PARALLEL, _RETRIES, _MINUTES = 3, 2, 30

_FIRST_PAUSE = timedelta(minutes=1)

_URGENCY = {"urgent": 0, "high": 1, "medium": 2, "low": 3}

#: States of jobs in which nothing more happens by itself.
_ENDED = ("completed", "failed", "cancelled")


def queue(shop: Shop, noun: str, row_id: int) -> None:
    """Let a job or page be read.

    Raises:
        NotFound: there is none.
        Conflict: it waits or is being read already.
        Invalid: it was cancelled.
    """
    row = shop.lock(noun, row_id)
    if row["due_at"] is not None:
        raise Conflict("backoffice.running", "This is being processed already. Wait for it.")
    if row["status"] == "cancelled":
        raise broken_rule("This job was cancelled. Make another one.")
    # A page has no state for it: it is pending until somebody reads it.
    status = "queued" if noun == "ocr_job" else "pending"
    asked = {"status": status, "due_at": shop.now, "retry_count": 0, "error_log": None}
    shop.change(noun, row_id, asked | _progress(noun, 0, "queued"))
    _counted(shop, noun, row)


def waiting(shop: Shop) -> list[tuple[str, int]]:
    """Return (noun, id) of what is due, the most urgent first."""
    return [(noun, row["id"]) for noun in ADDRESSES for row in _due(shop, noun)]


def _due(shop: Shop, noun: str) -> list[Values]:
    table = shop.tables[noun]
    query = shop.select(noun).where(table.c.due_at <= shop.now)
    if noun == "ocr_job":
        query = query.order_by(case(_URGENCY, value=table.c.priority))
    return shop.rows(query.order_by(table.c.due_at, table.c.id).limit(_MOST))


def take(shop: Shop, noun: str, row_id: int) -> Values | None:
    """Take what is due in hand, unless another node was faster or its group has enough in hand."""
    row = shop.lock(noun, row_id)
    if row["due_at"] is None or row["due_at"] > shop.now:
        return None
    chosen = _chosen(shop, row)
    if row["status"] == "processing":
        # Somebody had it in hand, and neither ended it nor said why.
        if not try_again(shop, noun, row, "Reading it did not end in time."):
            return None
    elif noun == "ocr_job" and _busy(shop, row) >= chosen["parallelJobs"]:
        return None
    held = {
        "status": "processing",
        "started_at": shop.now,
        "due_at": shop.now + timedelta(minutes=chosen["timeoutMinutes"]),
    }
    shop.change(noun, row_id, held | _progress(noun, 1, "reading"))
    _counted(shop, noun, row)
    return shop.get(noun, row_id)


def try_again(shop: Shop, noun: str, row: Values, reason: str) -> bool:
    """Note what went wrong and let it be read again later; false when that was the last time."""
    count = (row["retry_count"] or 0) + 1
    if count > _chosen(shop, row)["retryCount"]:
        end(shop, noun, row, "failed", {"error_log": reason})
        return False
    status = "queued" if noun == "ocr_job" else "pending"
    pause = _FIRST_PAUSE * 2 ** (count - 1)
    again = {"status": status, "retry_count": count, "error_log": reason}
    shop.change(noun, row["id"], again | {"due_at": shop.now + pause})
    return True


def end(shop: Shop, noun: str, row: Values, status: str, found: Values) -> None:
    """Note what came of it; what was removed meanwhile stays so."""
    if shop.find(noun, id=row["id"]) is None:
        return
    begun = row["started_at"] or shop.now
    took = {"processing_time": max(0, (shop.now - begun).total_seconds())}
    ended = {"status": status, "completed_at": shop.now, "due_at": None}
    shop.change(noun, row["id"], found | took | ended)
    _counted(shop, noun, row)


def _progress(noun: str, number: int, name: str) -> Values:
    if noun != "ocr_job":
        return {}  # pages have no member for it
    share = round(100 * number / 3, 2)
    return {"progress": {"percentage": share, "currentStep": name, "totalSteps": 3}}


def _chosen(shop: Shop, row: Values) -> Values:
    """Return how a job's group wants it processed."""
    usual = {"parallelJobs": _PARALLEL, "retryCount": _RETRIES, "timeoutMinutes": _MINUTES}
    group = shop.find("ocr_job_group", id=row["group"]) if row.get("group") else None
    said = (group and group["processing_settings"]) or {}
    return usual | {name: value for name, value in said.items() if value is not None}


def _busy(shop: Shop, row: Values) -> int:
    if not row["group"]:
        return 0
    table = shop.tables["ocr_job"]
    held = (table.c.status == "processing", table.c.due_at > shop.now)
    return shop.count("ocr_job", *held, group=row["group"])


def _counted(shop: Shop, noun: str, row: Values) -> None:
    if noun == "ocr_job" and row["group"]:
        count_group(shop, row["group"])


def count_group(shop: Shop, group_id: int) -> None:
    """Count the jobs of a group by their states, and tell whom it may concern when all ended."""
    group = shop.lock("ocr_job_group", group_id)
    jobs = shop.where("ocr_job", group=group_id)
    states = [job["status"] for job in jobs]
    done, failed = states.count("completed"), states.count("failed")
    status = _status(states)
    counts = {
        "total_jobs": len(states),
        "completed_jobs": done,
        "failed_jobs": failed,
        "pending_jobs": sum(state not in _ENDED for state in states),
        "status": status,
        "statistics": _statistics(jobs, done, failed),
    }
    over = status in _ENDED
    moments = {
        "started_at": group["started_at"] or (None if status == "created" else shop.now),
        "completed_at": shop.now if over else None,
    }
    shop.change("ocr_job_group", group_id, counts | moments)
    if over and group["status"] != status:
        _tell(shop, group, done, failed)


def _status(states: list[str]) -> str:
    if states and all(state in _ENDED for state in states):
        return "failed" if set(states) == {"failed"} else "completed"
    if any(state in ("processing", *_ENDED) for state in states):
        return "processing"
    return "queued" if "queued" in states else "created"


def _statistics(jobs: list[Values], done: int, failed: int) -> Values:
    times = [float(job["processing_time"]) for job in jobs if job["processing_time"] is not None]
    return {
        "totalDocuments": len(jobs),
        "totalPages": sum((job["document_info"] or {}).get("pages", 0) for job in jobs),
        "averageProcessingTime": round(sum(times) / len(times), 2) if times else 0,
        "successRate": round(done / (done + failed), 4) if done + failed else 0,
    }


def _tell(shop: Shop, group: Values, done: int, failed: int) -> None:
    wanted = group["notifications"] or {}
    if not (wanted.get("onCompletion") or (failed and wanted.get("onFailure"))):
        return
    text = f"<p>{escape(group['name'])}: {done} read, {failed} failed.</p>"
    for recipient in wanted.get("recipients") or []:
        queue_mail(shop, recipient, f"Documents read: {group['name']}", text)
