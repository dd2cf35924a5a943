"""The ways to the queues: ten messages a call, and none of them ever lost silently."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.retrying import Backoff, is_contention
from pointflow.domain.client import CLIENT_ID
from pointflow.domain.errors import PermanentError
from pointflow.domain.messages import (
    Chunk,
    Part,
    ReportRequest,
    encode_chunk,
    encode_part,
    encode_report,
)
from pointflow.domain.submission import SubmissionRef
from pointflow.domain.undo import UndoMessage, encode_undo

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH_MESSAGES = 10
BATCH_BYTES = 1 << 20
PATIENCE_SECONDS = 20.0
CHUNK_THREADS = 8

NO_CLIENT = "no-client"
"""Fair-queue group of folders that are no client's: SQS takes only printable ASCII as a group."""

# The queue will refuse these messages for ever. Everything else that is reported for a single
# entry is worth another try, throttling by the encryption key's service included.
_HOPELESS = re.compile(r"InvalidMessageContents|InvalidParameterValue|MessageTooLong")


@dataclass(frozen=True, slots=True)
class Message:
    """A body on its way to a queue, and the fair-queue group it shares its turn with.

    Only what a client cannot be told of, such as a notice of the bucket, has no group.
    """

    body: str
    group: str | None

    @property
    def size(self) -> int:
        """Bytes that count towards the limit of a call."""
        return len(self.body) if self.body.isascii() else len(self.body.encode("utf-8"))


class QueueSender:
    """Sends messages to one queue.

    Parameters
    ----------
    client : SQSClient
    queue_url : str
    backoff : callable
        Makes the waiting between the tries of one call; it ends in `ContentionError`.
    """

    def __init__(self, client: SQSClient, queue_url: str, backoff: Callable[[], Backoff]) -> None:
        self._client = client
        self._queue_url = queue_url
        self._backoff = backoff

    def send(self, messages: list[Message]) -> None:
        """Send up to ten messages; returns when the queue has accepted every one of them.

        Raises
        ------
        ContentionError
            Some were still not accepted when the time was over.
        PermanentError
            The queue will never accept one of them.
        """
        entries = batch_entries(messages)
        backoff = self._backoff()
        while True:
            try:
                answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                if not is_contention(error):
                    raise
                backoff.wait(f"sending to a queue: {type(error).__name__}")
                continue
            failed = {failure["Id"]: failure["Code"] for failure in answer.get("Failed", [])}
            accepted = {success["Id"] for success in answer.get("Successful", [])}
            hopeless = [code for code in failed.values() if _HOPELESS.search(code)]
            if hopeless:
                raise PermanentError(f"the queue refuses a message: {hopeless[0]}")
            # What the answer does not mention counts as not accepted.
            entries = [entry for entry in entries if entry["Id"] not in accepted]
            if not entries:
                return
            backoff.wait(f"{len(entries)} messages not accepted: {sorted(set(failed.values()))}")


def _in_a_while() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class SqsPartPublisher:
    """`PartPublisher` on PartQueue."""

    def __init__(
        self, client: SQSClient, queue_url: str, backoff: Callable[[], Backoff] = _in_a_while
    ) -> None:
        self._sender = QueueSender(client, queue_url, backoff)

    def send_parts(self, parts: Iterable[Part]) -> None:
        """Send every part; raises `ContentionError`."""
        messages = (Message(encode_part(part), group_of(part.ref)) for part in parts)
        for batch in batches(messages):
            self._sender.send(batch)


class SqsUndoPublisher:
    """`UndoPublisher` on UndoQueue."""

    def __init__(
        self, client: SQSClient, queue_url: str, backoff: Callable[[], Backoff] = _in_a_while
    ) -> None:
        self._sender = QueueSender(client, queue_url, backoff)

    def send_undo(self, messages: Iterable[UndoMessage]) -> None:
        """Send every message; raises `ContentionError`."""
        written = (Message(encode_undo(each), group_of(each.ref)) for each in messages)
        for batch in batches(written):
            self._sender.send(batch)


class SqsReportPublisher:
    """`ReportPublisher` on ReportQueue."""

    def __init__(
        self, client: SQSClient, queue_url: str, backoff: Callable[[], Backoff] = _in_a_while
    ) -> None:
        self._sender = QueueSender(client, queue_url, backoff)

    def request_report(self, request: ReportRequest) -> None:
        """Send the request; raises `ContentionError`."""
        self._sender.send([Message(encode_report(request), group_of(request.ref))])


class SqsChunkPublisher:
    """`ChunkPublisher` on CreditQueue: a few calls in flight at a time.

    Chunks are drawn from the iterable only as fast as the queue takes them, so memory holds
    `threads` calls of at most 1 MiB however long the file is.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        backoff: Callable[[], Backoff] = _in_a_while,
        threads: int = CHUNK_THREADS,
    ) -> None:
        self._sender = QueueSender(client, queue_url, backoff)
        self._threads = threads

    def send_chunks(self, chunks: Iterable[Chunk]) -> None:
        """Send every chunk; raises `ContentionError`. No call is in flight when it returns."""
        in_flight: deque[Future[None]] = deque()
        messages = (Message(encode_chunk(chunk), group_of(chunk.ref)) for chunk in chunks)
        try:
            waiting: list[Message] | None = None
            for batch in batches(messages):
                if waiting is not None:
                    if len(in_flight) == self._threads:
                        in_flight.popleft().result()
                    in_flight.append(self._executor.submit(self._sender.send, waiting))
                waiting = batch
            # A small file's only call needs no thread.
            if waiting is not None:
                self._sender.send(waiting)
            while in_flight:
                in_flight.popleft().result()
        finally:
            # A call left running would outlive the invocation that answers for it.
            wait(in_flight)

    @cached_property
    def _executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="chunks")


def batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Group messages, in order, into calls of at most ten messages and 1 MiB."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        more = message.size
        if batch and (len(batch) == BATCH_MESSAGES or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += more
    if batch:
        yield batch


def batch_entries(messages: list[Message]) -> list[SendMessageBatchRequestEntryTypeDef]:
    """The entries of a `SendMessageBatch` request."""
    entries: list[SendMessageBatchRequestEntryTypeDef] = []
    for index, message in enumerate(messages):
        entry: SendMessageBatchRequestEntryTypeDef = {
            "Id": str(index),
            "MessageBody": message.body,
        }
        if message.group is not None:
            entry["MessageGroupId"] = message.group
        entries.append(entry)
    return entries


def group_of(ref: SubmissionRef) -> str:
    """The fair-queue group of a submission's messages: its client's, or that of its dry runs."""
    client_id = ref.client_id if CLIENT_ID.fullmatch(ref.client_id) else NO_CLIENT
    return f"{client_id}.dryrun" if ref.dry_run else client_id
