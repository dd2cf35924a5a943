"""Everything that batch intake does, tied to its ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pointflow.domain.messages import MeasurePart, ParsePart, Part, Upload
from pointflow.domain.submission import Submission
from pointflow.ports.catalog import Catalog
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import ChunkPublisher, PartPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.in_time import OutOfTime, never
from pointflow.services.measure_cell import measure_cell
from pointflow.services.parse_cell import parse_cell
from pointflow.services.receive_upload import Limits, receive_upload
from pointflow.services.spread_cells import spread_cells


@dataclass(frozen=True, slots=True)
class Intake:
    """Batch intake. `clock` tells seconds since the epoch."""

    store: SubmissionStore
    objects: ObjectStore
    catalog: Catalog
    parts: PartPublisher
    chunks: ChunkPublisher
    reports: ReportPublisher
    limits: Limits
    clock: Callable[[], int]

    def upload(self, upload: Upload) -> Submission | None:
        """Take an upload in; see `receive_upload`."""
        return receive_upload(
            upload,
            store=self.store,
            objects=self.objects,
            catalog=self.catalog,
            parts=self.parts,
            reports=self.reports,
            limits=self.limits,
            now=self.clock(),
        )

    def part(self, part: Part, *, retry: bool, out_of_time: OutOfTime = never) -> None:
        """Measure or parse a cell, or hand out a slice of them.

        Parameters
        ----------
        part : Part
        retry : bool
            Whether the message was delivered before.
        out_of_time : callable
            Tells when to give a cell up; raises `OutOfTimeError` then.
        """
        if isinstance(part, MeasurePart):
            measure_cell(
                part,
                retry=retry,
                store=self.store,
                objects=self.objects,
                catalog=self.catalog,
                parts=self.parts,
                reports=self.reports,
                now=self.clock(),
                out_of_time=out_of_time,
            )
        elif isinstance(part, ParsePart):
            parse_cell(
                part,
                store=self.store,
                objects=self.objects,
                chunks=self.chunks,
                reports=self.reports,
                now=self.clock(),
                out_of_time=out_of_time,
            )
        else:
            spread_cells(part, store=self.store, parts=self.parts)
