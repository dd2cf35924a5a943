"""Every error that pointflow raises on purpose.

PointflowError
├── NotFoundError              asked for something that is not there
├── ConflictError              the thing is there, in a state that forbids the action
│   ├── IdentifierHeldError    another member holds the email or the username
│   └── MemberForgottenError   the member was forgotten, and must be let in again first
├── PermanentError             trying the same again cannot help
│   ├── MessageInvalidError    a queue message that nobody here wrote
│   ├── ChunkMismatchError     one chunk key, two different bodies
│   ├── EntryMismatchError     a ledger identity is taken by another file's content
│   ├── EntryRefusedError      the database will never take a ledger entry as it is
│   ├── CounterMismatchError   rows, credited and rejected do not reconcile
│   └── ObjectUnreadableError  the pinned object version is gone or unreadable
├── TransientError             trying again later is right
│   ├── ContentionError        throttled or conflicting for longer than the deadline allows
│   ├── OutOfTimeError         the invocation is about to be ended
│   ├── EventsNotPublishedError  the event bus did not accept what happened
│   ├── DraftLostError         a half-written object cannot be gone on with
│   └── CredentialsUnavailableError  what a client is to prove itself with cannot be looked up
├── UnauthorizedError          no credential was presented, or one that is wrong
└── ImportRowError             a line of an import file that cannot be used
"""

from __future__ import annotations


class PointflowError(Exception):
    """Base of every error raised on purpose."""


class NotFoundError(PointflowError):
    """Asked for something that is not there."""


class ConflictError(PointflowError):
    """The thing is there, but its state forbids the action.

    Attributes
    ----------
    next_step : str
        What the person can do about it; empty where nothing is known that helps.
    """

    next_step = ""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        if next_step:
            self.next_step = next_step


class IdentifierHeldError(ConflictError):
    """Another member of the client holds the identifier. Names the kind, never the value.

    Attributes
    ----------
    kind : str
        Name of the identifier, as `domain.member.Identifier` spells it.
    holder, wanted_by : int
        CT user ids of the member that has it and of the one that should get it.
    """

    def __init__(self, kind: str, holder: int, wanted_by: int) -> None:
        super().__init__(f"the {kind.lower()} of member {wanted_by} is held by member {holder}")
        self.kind = kind
        self.holder = holder
        self.wanted_by = wanted_by


class MemberForgottenError(ConflictError):
    """The member was forgotten: nothing brings it back unasked."""


class PermanentError(PointflowError):
    """Trying the same again cannot help; the message belongs in its dead-letter queue."""


class MessageInvalidError(PermanentError):
    """A queue message that is not of a form pointflow writes."""


class ChunkMismatchError(PermanentError):
    """The same chunk key was seen with another body: never credit both."""


class EntryMismatchError(PermanentError):
    """A ledger identity already holds a credit that came from other content."""


class EntryRefusedError(PermanentError):
    """The database refused a ledger entry for a reason that no retry mends."""


class CounterMismatchError(PermanentError):
    """Counters that must reconcile do not."""


class ObjectUnreadableError(PermanentError):
    """The pinned version of an uploaded object is gone or cannot be read."""


class TransientError(PointflowError):
    """Trying again later is right."""


class ContentionError(TransientError):
    """Throttled, or in conflict with other writers, for longer than the deadline allows."""


class OutOfTimeError(TransientError):
    """The work does not fit what is left of the invocation: the next one starts it afresh."""


class EventsNotPublishedError(TransientError):
    """The event bus did not accept some events; all others it did.

    Attributes
    ----------
    positions : tuple of int
        Which ones, from 0, in the order in which they were to be published.
    codes : tuple of str
        Why, in the bus's own names, each once.
    """

    def __init__(self, positions: tuple[int, ...], codes: tuple[str, ...]) -> None:
        super().__init__(f"{len(positions)} events not accepted: {', '.join(codes)}")
        self.positions = positions
        self.codes = codes


class DraftLostError(TransientError):
    """What was written of an object is gone, finished by somebody else or thrown away.

    Whoever was writing it begins anew.
    """


class CredentialsUnavailableError(TransientError):
    """A client's credentials cannot be read, or not be used as they are: nobody is let in."""


class UnauthorizedError(PointflowError):
    """No credential was presented, or one that is wrong. Never says which of the two, or why."""


class ImportRowError(PointflowError):
    """A line of an import file that cannot be used.

    Attributes
    ----------
    line : int
        Physical line number, from 1, the header being line 1.
    field : str or None
        The column at fault.
    """

    def __init__(self, line: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.field = field
