"""A transfer job without its surroundings: requests out, results in, time as an argument.

    job.next_request(now)          the request to run now, or None
    job.answered(result, now)      what came of it
    job.image_at(available, now)   so much of the image is there, and is right
    job.take_key(key, now)         pause, resume and abort likewise
    job.next_deadline()            when to call handle_deadline
    job.progress(), job.journal()  for people, and for the disk

One request is at the control unit at a time. ISO-TP, P2, 0x78 and busy answers are the business of
whoever runs it; here is what follows from its outcome:

    lost answer     the same request again, a block with the same counter, within a bound
    lost thread     (wrong counter, wrong session, silence within a segment) back to where the
                    order's recovery says, within a bound
    anything else   the job fails: the declared restore steps, then everything that is still open
                    in the vehicle is closed; an abort goes the same way

Security access is never tried twice: a wrong or missing key ends the job.
"""

from __future__ import annotations

from dataclasses import replace

from protocols.diagnosis.transfer_attempts import Attempts, Unlocking
from protocols.diagnosis.transfer_course import Course
from protocols.diagnosis.transfer_debts import Debts
from protocols.diagnosis.transfer_outcome import (
    Carried,
    Outcome,
    Refused,
    Silent,
    is_running,
    outcome_of,
    surprise,
)
from protocols.diagnosis.transfer_program import Operation, Part, check
from protocols.diagnosis.transfer_records import Ask, Journal, Progress
from protocols.diagnosis.transfer_restoring import Restoring, ask_step
from protocols.diagnosis.transfer_segment import Read, Write
from protocols.diagnosis.transfer_state import ENDINGS, FINAL, OVERDUE, TABLE, JobState, JobTrigger
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.jobs import Direction, Recovery, Step, StepKind, TransferOrder
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import Target


class TransferJob:
    """One job. Owned by whoever runs its requests.

    Args:
        order: what to do.
        read: returns bytes of the image; asked only for what :meth:`image_at` has told.
        write: takes bytes of the result of an upload; the same place may be written twice.
        now: the time.
        journal: of the same job before a loss of power.

    Attributes:
        state: where it stands.
        available: bytes of the image that are there.
        revision: grows whenever :meth:`journal` would say something else.

    Raises:
        LocalProtocolError: the order makes no sense. Later: what is asked for has no meaning in
            the present state; nothing changed then.
    """

    def __init__(
        self,
        order: TransferOrder,
        read: Read,
        write: Write,
        now: float,
        journal: Journal | None = None,
    ) -> None:
        check(order)
        self.order = order
        self.state = TABLE.initial
        self.available = self.revision = 0
        self._read, self._write = read, write
        self._course = Course(order)
        self._asked: Ask | None = None
        self._attempts, self._unlocking = Attempts(order), Unlocking()
        self._begun = self._safe = False
        self._debts = Debts()
        self._not_before = now
        self._until: float | None = None
        self._failure = self._detail = ""
        self._restoring: Restoring | None = None
        if journal is None:
            self._wait_for_image(now)
        else:
            self._return(journal, now)

    def _return(self, journal: Journal, now: float) -> None:
        """Go on as the journal says; a control unit has forgotten its session by then."""
        self.state = JobState(journal.state)
        self._begun, self._attempts.restarts = journal.begun, journal.restarts
        self._failure, self._detail = journal.failure, journal.detail
        self._debts, self._safe = Debts(journal.debts), journal.safe
        if self.state in FINAL:
            return
        self._step(JobTrigger.POWER)
        if self.state is JobState.RESTORING:
            self._restore(JobState(journal.outcome))
            return
        if self.state is JobState.PAUSED:
            self._until = now + self.order.pause_ms / 1000
        else:
            self._wait_for_image(now)
        if self._begun and self.order.recovery == Recovery.NONE:
            self._fail("interrupted", "the connector lost its power; the order has no recovery")
        elif self._begun:
            self._course.rewind(journal.segment)

    def journal(self) -> Journal:
        """Return what must outlive a loss of power."""
        return Journal(
            state=self.state.value,
            begun=self._begun,
            segment=self._course.segment,
            restarts=self._attempts.restarts,
            outcome="" if self._restoring is None else self._restoring.outcome.value,
            failure=self._failure,
            detail=self._detail,
            debts=self._debts.owed(),
            safe=self._safe,
        )

    @property
    def finished(self) -> bool:
        """It is over, and the vehicle is left alone."""
        return self.state in FINAL

    def progress(self) -> Progress:
        """Return how it stands."""
        place = self._course.place()
        if self.finished or self.state is JobState.RESTORING:
            place = replace(place, step="" if self.finished else "restore")
        waits_for_key = self.state is JobState.AWAITING_KEY
        level, seed = self._unlocking.wanted if waits_for_key else (0, b"")
        restarts = self._attempts.restarts
        return Progress(
            self.state, place, restarts, level, seed, self._failure, self._detail, self._safe
        )

    def keep_alive(self) -> Target | None:
        """Return whom to send tester present now, so that no session ends meanwhile.

        While a request is at the job's own control unit, this concerns the others alone.
        """
        if self.finished:
            return None
        if self._debts.shared:
            return self.order.functional
        return self.order.target if self._debts.session and self._asked is None else None

    # --- what others tell it -----------------------------------------------------------------

    def image_at(self, available: int, now: float) -> None:
        """Take note that the image's first ``available`` bytes are there, and are right."""
        self.available = max(self.available, available)
        self._begin_if_ready(now)

    def image_failed(self, failure: str, detail: str) -> None:
        """There is no such image, or what came is another one: nothing of it is sent."""
        if TABLE.allows(self.state, JobTrigger.FAULT):
            self._fail(failure, detail)

    def take_key(self, key: bytes, now: float) -> None:
        """Take the key for the seed that :meth:`progress` shows."""
        if not key:
            raise LocalProtocolError("a key has at least one byte")
        self._step(JobTrigger.KEY)
        self._unlocking.give(key)
        self._until, self._not_before = None, now

    def pause(self, now: float) -> None:
        """Send nothing more but tester present; what is on its way is finished."""
        self._step(JobTrigger.PAUSE)
        self._until = now + self.order.pause_ms / 1000

    def resume(self, now: float) -> None:
        """Go on where it was."""
        self._step(JobTrigger.RESUME)
        self._attempts.fresh()
        self._wait_for_image(now)
        self._begin_if_ready(now)

    def abort(self, detail: str) -> None:
        """Stop, and bring the vehicle to its safe state."""
        self._step(JobTrigger.ABORT)
        self._detail = detail
        self._restore(JobState.ABORTED)

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` or :meth:`next_request` is due, or ``None``."""
        if self.state in {JobState.RUNNING, JobState.RESTORING}:
            return None if self._asked is not None else self._not_before
        return self._until

    def handle_deadline(self, now: float) -> None:
        """Give up what has been waited for too long; harmless where nothing is due."""
        if self._until is None or now < self._until or self._asked is not None:
            return
        if self.state in OVERDUE:
            self._fail(*OVERDUE[self.state])

    # --- requests --------------------------------------------------------------------------------

    def next_request(self, now: float) -> Ask | None:
        """Return the request to run now; :meth:`answered` comes before the next."""
        if self._asked is not None or now < self._not_before:
            return None
        if self.state is JobState.RUNNING:
            self._asked = self._next_of_course(now)
        if self.state is JobState.RESTORING and self._restoring is not None:
            self._asked = self._next_of_restoring(self._restoring, now)
        asked = self._asked
        if asked is not None and self._debts.asked(asked.request, functional=asked.functional):
            self.revision += 1
        return asked

    def _next_of_course(self, now: float) -> Ask | None:
        operation = self._course.operation
        if operation is None:
            self._step(JobTrigger.COMPLETE)
            self._restore(JobState.DONE)
            return None
        step = operation.step
        if step is None:
            return self._next_of_segment(operation, now)
        if step.kind == StepKind.WAIT:
            self._advance()
            self._not_before = now + step.wait_ms / 1000
            return None
        if step.kind == StepKind.SECURITY:
            return Ask(
                self.order.target, self._unlocking.request(step), operation=operation, step=step
            )
        return replace(ask_step(self.order, step), operation=operation)

    def _next_of_segment(self, operation: Operation, now: float) -> Ask | None:
        order, course = self.order, self._course
        if operation.part is Part.REQUEST and not self._attempts.tries:
            course.begin_segment(operation.segment)
        is_sent = operation.part is Part.DATA and order.direction == Direction.DOWNLOAD
        if is_sent and course.going().needs() > self.available:
            self._step(JobTrigger.STARVE)
            self._wait_for_image(now)
            return None
        return Ask(order.target, course.request(operation, self._read), operation=operation)

    def _next_of_restoring(self, restoring: Restoring, now: float) -> Ask | None:
        asked = restoring.next()
        if asked is None and restoring.wait:
            self._not_before = now + restoring.wait
        elif asked is None:
            self._end(restoring)
        return asked

    # --- what came of them -----------------------------------------------------------------------

    def answered(self, result: ExchangeResult, now: float) -> None:
        """Take what came of the request that :meth:`next_request` gave last."""
        asked, self._asked = self._asked, None
        if asked is None:
            raise LocalProtocolError("nothing was asked")
        outcome = outcome_of(asked.request, result)
        if isinstance(outcome, Carried):
            self._debts.answered(asked.request, functional=asked.functional)
        if asked.operation is not None:
            # An abort that came meanwhile leaves nothing to be done about it.
            if self.state in {JobState.RUNNING, JobState.PAUSED}:
                self._took(asked, asked.operation, outcome, now)
        elif self._restoring is not None and not self._repeats(asked, outcome, now):
            self._attempts.tries = 0
            self.revision += 1
            self._restoring.took(asked, outcome)

    def _took(self, asked: Ask, operation: Operation, outcome: Outcome, now: float) -> None:
        if asked.step is not None and is_running(asked.step, outcome):
            self._goes_on(asked.step, operation, now)
        elif isinstance(outcome, Carried):
            self._carried(asked, operation, outcome.answer, now)
        elif self._repeats(asked, outcome, now):
            return
        elif asked.step is not None and asked.step.optional:
            self._advance()
        elif self._attempts.has_lost_thread(operation, outcome):
            self._recover(outcome.text, now)
        else:
            failure = "refused" if isinstance(outcome, Refused) else "no_answer"
            self._fail(failure, f"{operation.name}: {outcome.text}")

    def _repeats(self, asked: Ask, outcome: Outcome, now: float) -> bool:
        """Arrange for the same request to be sent again, where its answer is lost."""
        if not self._attempts.repeats(asked, outcome):
            return False
        self._not_before = now + self._attempts.pause
        return True

    def _carried(self, asked: Ask, operation: Operation, answer: bytes, now: float) -> None:
        try:
            if asked.step is not None:
                self._carried_step(asked.step, operation, answer, now)
            elif operation.part is Part.DATA:
                self._carried_block(asked, answer, now)
            else:
                if operation.part is Part.REQUEST:
                    self._course.going().opened(answer)
                self._advance()
        except RemoteProtocolError as error:
            self._fail("unexpected", f"{operation.name}: {error}")

    def _carried_step(self, step: Step, operation: Operation, answer: bytes, now: float) -> None:
        if step.kind == StepKind.SECURITY:
            self._carried_security(step, answer, now)
        elif answer.startswith(step.expect) or step.optional:
            self._advance()
        else:
            self._fail("unexpected", f"{operation.name}: {surprise(answer, step.expect)}")

    def _goes_on(self, step: Step, operation: Operation, now: float) -> None:
        """What is polled for is not done: ask again, within the step's limit."""
        again_at = self._attempts.poll_at(step, now)
        if again_at is not None:
            self._not_before = again_at
        elif step.optional:
            self._advance()
        else:
            self._fail("too_long", f"{operation.name}: not done in {step.limit_ms / 1000:g} s")

    def _carried_security(self, step: Step, answer: bytes, now: float) -> None:
        if self._unlocking.opened(step, answer):
            self._advance()
        elif self.state is JobState.RUNNING:  # paused meanwhile, it asks for another later
            self._step(JobTrigger.SEED)
            self._until = now + self.order.key_ms / 1000

    def _carried_block(self, asked: Ask, answer: bytes, now: float) -> None:
        going = self._course.going()
        if going.accepted(answer, self._write):
            self._attempts.tries = 0
            if going.complete:
                self._advance()
        elif not self._repeats(asked, Silent("no_response", ""), now):
            self._recover("the control unit answers with another block's counter", now)

    def _step(self, trigger: JobTrigger) -> None:
        self.state = TABLE.step(self.state, trigger)
        self.revision += 1

    def _advance(self) -> None:
        self._course.advance()
        self._attempts.fresh()
        self.revision += 1

    def _wait_for_image(self, now: float) -> None:
        self._until = now + self.order.image_ms / 1000

    def _begin_if_ready(self, now: float) -> None:
        if self.state is JobState.WAITING and self.available >= self._course.enough():
            self._step(JobTrigger.BEGIN)
            self._begun, self._until = True, None
            self._not_before = max(self._not_before, now)

    def _recover(self, why: str, now: float) -> None:
        if not self._attempts.restart():
            self._fail("interrupted", f"the transfer was interrupted, the last time by: {why}")
            return
        self._course.rewind(self._course.segment)
        self._unlocking.forget()
        if self.state is JobState.RUNNING:
            self._step(JobTrigger.RECOVER)
            self._wait_for_image(now)
            self._begin_if_ready(now)

    def _fail(self, failure: str, detail: str) -> None:
        self._step(JobTrigger.FAULT)
        self._failure, self._detail = failure, detail
        self._restore(JobState.FAILED)

    def _restore(self, outcome: JobState) -> None:
        """Begin to bring the vehicle to its safe state."""
        # What was never begun has opened nothing.
        declared = self.order.restore if outcome is not JobState.DONE and self._begun else ()
        self._restoring = Restoring(self.order, declared, self._debts, outcome)
        self._unlocking.forget()
        self._attempts.tries, self._until, self._not_before = 0, None, 0.0

    def _end(self, restoring: Restoring) -> None:
        self._step(ENDINGS[restoring.outcome])
        trouble = restoring.trouble()
        self._safe = not trouble
        if trouble:
            left = "; ".join(trouble)
            self._detail = f"{self._detail}; not in its safe state: {left}".removeprefix("; ")
