"""Rejected rows on their way back: what keeps a mended row what it was when it was first sent."""

from __future__ import annotations

from pointflow.domain.batch_row import COLUMNS, FEWEST_COLUMNS


def dated(raw: bytes, received_at: int) -> bytes | None:
    r"""A row with the date that it has had so far.

    A row without a date happened when its file was received. Sent again in another file it would
    get that one's receipt time, so it is given the first one's in its own column.

    Parameters
    ----------
    raw : bytes
        The line as sent, without its LF.
    received_at : int
        When the file was received, in seconds since the epoch.

    Returns
    -------
    bytes or None
        None where the columns are too few or too many to tell which one is the date.

    Examples
    --------
    >>> dated(b"ann@example.com||||7", 1767225600)
    b'ann@example.com||||7||1767225600'
    """
    fields = raw.removesuffix(b"\r").split(b"|")
    if not FEWEST_COLUMNS <= len(fields) <= len(COLUMNS):
        return None
    fields += [b""] * (len(COLUMNS) - len(fields))
    if fields[-1].strip(b" ").lower() in {b"", b"null"}:
        fields[-1] = str(received_at).encode("ascii")
    return b"|".join(fields)
