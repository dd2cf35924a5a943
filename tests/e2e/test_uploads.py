"""Whole files: refused, duplicate, held; and uploads that arrive in every odd way."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pointflow.domain.codes import FileCode
from tests.e2e.conftest import DeployedStack, eventually

ROW = b"hana@example.com||||126456789|%d\n"


def _result_of(stack: DeployedStack, client: str, stem: str) -> Any:
    return stack.result(f"outbound/{client}/{stem}_result.json")


REFUSED = {
    FileCode.FILE_NAME_INVALID: ("acme", "activities_acme_20260230000000.txt", ROW % 1),
    FileCode.CLIENT_UNKNOWN: ("nobody", "activities_nobody_20260301000000.txt", ROW % 1),
    FileCode.CLIENT_MISMATCH: ("acme", "activities_globex_20260301000000.txt", ROW % 1),
    FileCode.FILE_NOT_TEXT: ("acme", "activities_acme_20260302000000.txt", gzip.compress(b"x")),
    FileCode.FILE_EMPTY: ("acme", "activities_acme_20260303000000.txt", b"\xef\xbb\xbf \r\n\n"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_whole_and_answered(
    stack: DeployedStack, code: FileCode
) -> None:
    client, name, body = REFUSED[code]
    before = stack.balance(1009)

    stack.upload(f"inbound/{client}/{name}", body)

    result = _result_of(stack, client, name.removesuffix(".txt"))
    assert (result["status"], result["refusal"]["code"]) == ("REFUSED", code)
    assert (result["credited"], result["points"]) == (0, 0)
    assert stack.balance(1009) == before


def test_a_reused_name_with_other_content_is_refused_and_the_owners_result_stands(
    stack: DeployedStack,
) -> None:
    key = "inbound/acme/activities_acme_20260401000000.txt"
    stack.upload(key, ROW % 11)
    owner = _result_of(stack, "acme", "activities_acme_20260401000000")
    before = stack.balance(1009)

    version = stack.upload(key, ROW % 12)

    later = stack.result(f"outbound/acme/activities_acme_20260401000000_result.{version}.json")
    assert later["refusal"]["code"] == FileCode.FILE_NAME_REUSED
    assert "lines 1-1 are credited" in later["refusal"]["message"]
    assert _result_of(stack, "acme", "activities_acme_20260401000000") == owner
    assert stack.balance(1009) == before
    assert {*REFUSED, FileCode.FILE_NAME_REUSED} == set(FileCode)


def test_the_whole_file_after_an_interrupted_upload_is_refused_and_told_what_is_credited(
    stack: DeployedStack,
) -> None:
    key = "inbound/acme/activities_acme_20260401000001.txt"
    whole = ROW % 13 * 4
    stack.upload(key, whole[: len(whole) * 3 // 4 + 10])
    cut_off = _result_of(stack, "acme", "activities_acme_20260401000001")
    assert (cut_off["credited"], cut_off["rejected"]) == (3, 1)
    before = stack.balance(1009)

    version = stack.upload(key, whole)

    later = stack.result(f"outbound/acme/activities_acme_20260401000001_result.{version}.json")
    assert later["refusal"]["code"] == FileCode.FILE_NAME_REUSED
    assert "lines 1-3 are credited" in later["refusal"]["message"]
    assert stack.balance(1009) == before


def test_of_twins_that_arrive_at_once_one_is_credited_and_one_is_held(
    stack: DeployedStack,
) -> None:
    before = stack.balance(1009)
    names = [f"activities_acme_2026040300001{n}" for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: stack.upload(f"inbound/acme/{name}.txt", ROW % 32), names))

    results = [_result_of(stack, "acme", name) for name in names]

    assert sorted(result["status"] for result in results) == ["COMPLETED", "HELD"]
    assert stack.balance(1009) - before == 32


def test_one_file_submitted_twice_is_credited_once(stack: DeployedStack, tmp_path: Path) -> None:
    path = tmp_path / "activities_acme_20260402000000.txt"
    path.write_bytes(ROW % 21)
    before = stack.balance(1009)

    first = stack.pointflow("submit", str(path), "--wait", "--json")
    second = stack.pointflow("submit", str(path), "--wait", "--json")

    assert (first.code, first.json["status"]) == (0, "COMPLETED")
    assert (second.code, second.json["status"]) == (0, "DUPLICATE")
    assert stack.balance(1009) - before == 21


def test_one_file_uploaded_five_times_at_once_is_credited_once(stack: DeployedStack) -> None:
    before = stack.balance(1009)
    name = "activities_acme_20260402000005"
    versions = [stack.upload(f"inbound/acme/{name}.txt", ROW % 22) for _ in range(5)]

    def all_done() -> list[str] | None:
        listed = stack.pointflow("batch", "show", f"{name}.txt", "--json").json
        states = [listed["status"], *(other["status"] for other in listed["others"])]
        waiting = {"RECEIVED", "PLANNING", "PARSING", "CREDITING"} & set(states)
        return None if waiting or len(states) < len(versions) else sorted(states)

    assert eventually(all_done, "five submissions") == ["COMPLETED", *["DUPLICATE"] * 4]
    assert stack.balance(1009) - before == 22


def test_known_content_under_a_new_name_is_held_until_it_is_released(
    stack: DeployedStack, tmp_path: Path
) -> None:
    original, copy, third = (tmp_path / f"activities_acme_2026040300000{n}.txt" for n in range(3))
    for path in (original, copy, third):
        path.write_bytes(ROW % 31)
    before = stack.balance(1009)
    assert stack.pointflow("submit", str(original), "--wait").code == 0

    held = stack.pointflow("submit", str(copy), "--wait", "--json")
    assert (held.code, held.json["status"]) == (2, "HELD")
    assert held.json["held_for"] == f"acme/{original.name}"
    assert stack.balance(1009) - before == 31

    assert stack.pointflow("batch", "release", copy.name).code == 0
    eventually(
        lambda: (
            stack.pointflow("batch", "show", copy.name, "--json").json["status"] == "COMPLETED"
            or None
        ),
        "the released batch",
    )
    assert stack.balance(1009) - before == 62
    again = stack.pointflow("batch", "discard", copy.name)
    assert again.code == 2
    assert "COMPLETED" in again.err

    assert stack.pointflow("submit", str(third), "--wait", "--json").json["status"] == "HELD"
    assert stack.pointflow("batch", "discard", third.name).code == 0
    assert _result_of(stack, "acme", third.stem)["status"] in {"HELD", "DISCARDED"}
    assert stack.balance(1009) - before == 62


def test_a_temporary_name_counts_only_once_it_is_renamed(stack: DeployedStack) -> None:
    s3, bucket = stack.aws("s3"), stack.outputs["BucketName"]
    before = stack.balance(1009)
    temporary = "inbound/acme/activities_acme_20260404000000.txt.filepart"
    stack.upload(temporary, ROW % 41)

    s3.copy_object(
        Bucket=bucket,
        Key="inbound/acme/activities_acme_20260404000000.txt",
        CopySource={"Bucket": bucket, "Key": temporary},
    )

    result = _result_of(stack, "acme", "activities_acme_20260404000000")
    assert (result["status"], result["points"]) == ("COMPLETED", 41)
    assert stack.balance(1009) - before == 41
    listed = stack.pointflow("batch", "list", "--limit", "500", "--json").json
    assert not [batch for batch in listed if batch["file"].endswith(".filepart")]


def test_an_empty_first_write_and_a_folder_marker_are_no_submissions(stack: DeployedStack) -> None:
    key = "inbound/acme/activities_acme_20260405000000.txt"
    stack.upload("inbound/acme/", b"")
    stack.upload(key, b"")

    stack.upload(key, ROW % 51)

    result = _result_of(stack, "acme", "activities_acme_20260405000000")
    assert (result["status"], result["points"]) == ("COMPLETED", 51)
    shown = stack.pointflow("batch", "show", "activities_acme_20260405000000.txt", "--json").json
    assert shown["others"] == []


@pytest.mark.parametrize(
    "name", ["my file.txt", "a+b.txt", "100%.txt", "a%20b.txt", "größe.txt", "deep/er.txt"]
)
def test_a_key_of_any_kind_is_answered_under_its_own_name(stack: DeployedStack, name: str) -> None:
    stack.upload(f"inbound/acme/{name}", ROW % 1)

    result = _result_of(stack, "acme", name.removesuffix(".txt"))

    assert (result["file"], result["refusal"]["code"]) == (name, "FILE_NAME_INVALID")


def test_a_multipart_upload_is_taken_up_once_it_is_complete(stack: DeployedStack) -> None:
    s3, bucket = stack.aws("s3"), stack.outputs["BucketName"]
    key = "inbound/acme/activities_acme_20260406000000.txt"
    before = stack.balance(1009)
    padding = b" " * 1000 + b"\n"
    bodies = [padding * 5300 + ROW % 60, ROW % 1]
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )

    result = _result_of(stack, "acme", "activities_acme_20260406000000")
    assert (result["rows"], result["blank"], result["points"]) == (2, 5300, 61)
    assert stack.balance(1009) - before == 61
