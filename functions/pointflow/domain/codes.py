"""The stable codes that clients program against. Never rename one; add instead."""

from __future__ import annotations

from enum import StrEnum


class FileCode(StrEnum):
    """Why a whole file was refused. In the order in which they are decided."""

    FILE_NAME_INVALID = "FILE_NAME_INVALID"
    CLIENT_UNKNOWN = "CLIENT_UNKNOWN"
    CLIENT_MISMATCH = "CLIENT_MISMATCH"
    FILE_NOT_TEXT = "FILE_NOT_TEXT"
    FILE_EMPTY = "FILE_EMPTY"
    FILE_NAME_REUSED = "FILE_NAME_REUSED"


class RowCode(StrEnum):
    """Why one row was rejected. A row with several faults carries the first that applies."""

    LINE_TOO_LONG = "LINE_TOO_LONG"
    ENCODING_INVALID = "ENCODING_INVALID"
    CONTROL_CHARACTER = "CONTROL_CHARACTER"
    COLUMN_COUNT = "COLUMN_COUNT"
    HEADER_ROW = "HEADER_ROW"
    FIELD_ENCLOSED = "FIELD_ENCLOSED"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    CT_USER_ID_INVALID = "CT_USER_ID_INVALID"
    IDENTIFIER_MISSING = "IDENTIFIER_MISSING"
    ACTIVITY_ID_MISSING = "ACTIVITY_ID_MISSING"
    ACTIVITY_ID_INVALID = "ACTIVITY_ID_INVALID"
    POINTS_INVALID = "POINTS_INVALID"
    ACTIVITY_DATE_INVALID = "ACTIVITY_DATE_INVALID"
    # Found only while crediting.
    MEMBER_NOT_FOUND = "MEMBER_NOT_FOUND"
    MEMBER_INACTIVE = "MEMBER_INACTIVE"
    MEMBER_AMBIGUOUS = "MEMBER_AMBIGUOUS"
    ACTIVITY_UNKNOWN = "ACTIVITY_UNKNOWN"
    ACTIVITY_INACTIVE = "ACTIVITY_INACTIVE"


class WarningCode(StrEnum):
    """What deserves a look although the row was accepted."""

    NULL_LITERAL = "NULL_LITERAL"
    DUPLICATE_ROW = "DUPLICATE_ROW"
    IDENTITY_CONFLICT = "IDENTITY_CONFLICT"


class FailureCode(StrEnum):
    """Why a batch ended as FAILED."""

    OBJECT_UNREADABLE = "OBJECT_UNREADABLE"
    CHUNK_DEAD_LETTERED = "CHUNK_DEAD_LETTERED"
    INTAKE_STUCK = "INTAKE_STUCK"
    COUNTERS_DO_NOT_RECONCILE = "COUNTERS_DO_NOT_RECONCILE"
