"""Look through a dead-letter queue, put letters back to work, or take one out for good.

Nothing is lost, whenever a run is cut off: a letter is deleted only after its queue has accepted
it again. A crash between the two delivers it twice, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pointflow.domain.dead_letter import About, DeadLetter
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import DECIDED, SubmissionRef
from pointflow.ports.dead_letters import DeadLetters
from pointflow.ports.submissions import SubmissionStore

EMPTY_RECEIVES = 2
"""A queue that answers "nothing" so often in a row is believed; the last may just have come."""

type Read = Callable[[DeadLetter], About]


@dataclass(frozen=True, slots=True)
class Seen:
    """A letter with what is known of it.

    `last_error` names what its last delivery failed on, where that was noted. `hopeless` says why
    nothing can come of it however often it is delivered; None where something may.
    """

    letter: DeadLetter
    about: About
    last_error: str | None
    hopeless: str | None


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a redrive did: letters put back, and letters left because nothing can come of them."""

    moved: int
    left: int


def look_through(
    letters: DeadLetters, read: Read, store: SubmissionStore, limit: int
) -> list[Seen]:
    """The first letters that the queue hands out, oldest first; all of them stay in it."""
    found: list[DeadLetter] = []
    enough = min(limit, letters.count())
    with _Held(letters) as held:
        for batch in held.batches():
            found += batch
            held.keep(batch)
            if len(found) >= enough:
                break
    ordered = sorted(found, key=lambda letter: letter.sent_at)[:limit]
    return [_seen(letter, read(letter), store) for letter in ordered]


def redrive(
    letters: DeadLetters,
    read: Read,
    store: SubmissionStore,
    *,
    file: tuple[str, str] | None,
    before: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Redriven:
    """Put letters back into the queue they came from.

    Parameters
    ----------
    letters, store
        Ports.
    read : callable
        Reads a letter.
    file : (client id, file name) or None
        Only the letters of this file; None: all.
    before : int
        Milliseconds since the epoch: what was sent later stays. So a letter that dies again
        while the run lasts is not put back again and again.
    progress : callable
        Told how many are put back so far.

    Raises
    ------
    ContentionError
        The queue did not accept a letter; it, and what comes after it, stays. Run it again.
    """
    moved = left = 0
    with _Held(letters) as held:
        for batch in held.batches():
            wanted = []
            for letter in batch:
                about = read(letter)
                ours = file is None or (about.ref is not None and _file_of(about.ref) == file)
                hopeless = ours and _hopeless(about, store) is not None
                left += hopeless
                if ours and not hopeless and letter.sent_at < before:
                    wanted.append(letter)
            held.keep([letter for letter in batch if letter not in wanted])
            if wanted:
                letters.send_back(wanted)
                letters.remove(wanted)
                moved += len(wanted)
                progress(moved)
    return Redriven(moved, left)


def purge(
    letters: DeadLetters,
    read: Read,
    store: SubmissionStore,
    message_id: str,
    *,
    about_to: Callable[[Seen], None],
) -> Seen:
    """Take one letter out for good, provided that nothing can come of it.

    Parameters
    ----------
    letters, store
        Ports.
    read : callable
        Reads a letter.
    message_id : str
    about_to : callable
        Called right before the letter is deleted; what it raises keeps the letter.

    Raises
    ------
    NotFoundError
        The queue does not hold it, or somebody else has it in his hands.
    ConflictError
        Something may still come of it: put it back instead.
    """
    with _Held(letters) as held:
        for batch in held.batches():
            held.keep(batch)
            for letter in batch:
                if letter.message_id == message_id:
                    seen = _seen(letter, read(letter), store)
                    if seen.hopeless is None:
                        raise ConflictError(
                            f"message {message_id} can still be processed",
                            "put it back: pointflow dlq redrive QUEUE",
                        )
                    about_to(seen)
                    letters.remove([letter])
                    held.forget(letter)
                    return seen
    raise NotFoundError(f"the queue holds no message {message_id}")


class _Held:
    """Letters in hand, each met once; what was kept is given back in the end, come what may."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters
        self._kept: dict[str, DeadLetter] = {}
        self._met: set[str] = set()

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        kept = list(self._kept.values())
        for start in range(0, len(kept), 10):
            self._letters.give_back(kept[start : start + 10])

    def batches(self) -> Iterator[list[DeadLetter]]:
        """Letters not met before, until the queue has nothing new to hand out."""
        empty = 0
        while empty < EMPTY_RECEIVES:
            received = self._letters.receive()
            new = [letter for letter in received if letter.message_id not in self._met]
            # One whose hiding place was lost while the run went on has a newer receipt now.
            self.keep([letter for letter in received if letter.message_id in self._kept])
            self._met.update(letter.message_id for letter in new)
            empty = 0 if new else empty + 1
            if new:
                yield new

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Give these back in the end."""
        self._kept.update((letter.message_id, letter) for letter in letters)

    def forget(self, letter: DeadLetter) -> None:
        """It is no longer there to be given back."""
        del self._kept[letter.message_id]


def _seen(letter: DeadLetter, about: About, store: SubmissionStore) -> Seen:
    error = about.fault
    if about.ref is not None and about.cell is not None and about.first_line is not None:
        error = store.last_error(about.ref, about.cell, about.first_line)
    return Seen(letter, about, error, _hopeless(about, store))


def _hopeless(about: About, store: SubmissionStore) -> str | None:
    """Why nothing can come of a letter."""
    if about.fault is not None:
        return about.fault
    if about.ref is None or about.kind == "upload":
        # A schedule or a place in a stream is told about, and no queue takes it back; a bucket's
        # own notice without a file means nothing. An upload is what makes its submission.
        return None if about.kind == "upload" else "there is no queue to put it back into"
    submission = store.get(about.ref)
    if submission is None:
        return "there is no such submission"
    is_chunk = about.kind == "credit" and about.cell is not None and about.first_line is not None
    if not is_chunk or submission.status not in DECIDED:
        return None
    found = store.outcome(about.ref, about.cell or 0, about.first_line or 0)
    return "the file is complete without this chunk" if found is None else None


def _file_of(ref: SubmissionRef) -> tuple[str, str]:
    return ref.client_id, ref.file_name
