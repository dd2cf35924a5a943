"""The local AWS as `up` runs it: ministack, with its SFTP files kept by its S3.

ministack's own SFTP server lays a file beside S3: no version, no notification, nothing kept by
`--keep`, and what a broken connection left behind counts as a file. On AWS all that SFTP does to
a file is an S3 request. So it is here: listener, users, keys and home directories are ministack's,
and files are read, written, renamed and removed through its S3, which does what it does for
everybody: versions, notifications, persistence.

Runs inside the server's process, in place of `python -m ministack`.
"""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import asyncssh
from asyncssh import sftp
from ministack import app
from ministack.core import responses
from ministack.services import s3, transfer

HOST_KEY_VARIABLE = "POINTFLOW_SFTP_HOST_KEY"

_ROOT = b"/"

type Place = tuple[str, str]
"""Bucket and key."""


class FilesInS3(asyncssh.SFTPServer):
    """What a session does to files, as S3 requests. Mixed into ministack's own class.

    An object is written when its handle is closed, as on AWS, and then in one go.
    """

    # Of ministack's class.
    _account_id: str
    _region: str
    _server_id: str
    _user: dict[str, Any]
    _open_files: dict[object, dict[str, Any]]
    _next_handle: int
    _resolve: Callable[[bytes], Place]

    async def open(
        self,
        path: bytes,
        pflags: int,
        attrs: asyncssh.SFTPAttrs,  # noqa: ARG002 - S3 has none
    ) -> object:
        """Open a file; a new one appears when it is closed."""
        place = self._file(path)
        writes = bool(pflags & asyncssh.FXF_WRITE)
        there = await self._exists(place)
        if not there and not (writes and pflags & asyncssh.FXF_CREAT):
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        if there and writes and pflags & asyncssh.FXF_EXCL:
            raise asyncssh.SFTPFailure("the file is there already")
        keeps = there and not (writes and pflags & asyncssh.FXF_TRUNC)
        content = await self._s3("GET", place) if keeps else b""
        bucket, key = place
        handle = self._next_handle
        self._next_handle += 1
        self._open_files[handle] = {
            "mode": "write" if writes else "read",
            "bucket": bucket,
            "key": key,
            "buf": io.BytesIO(content),
            "size": len(content),
        }
        return handle

    async def close(self, file_obj: object) -> None:
        """Close a file: what was written becomes a version of the object, and S3 tells of it."""
        file = self._open_files.pop(file_obj, None)
        if file is not None and file["mode"] == "write":
            sender = f"{self._user['UserName']}@{self._server_id}"
            await self._s3(
                "PUT",
                (file["bucket"], file["key"]),
                file["buf"].getvalue(),
                # What AWS Transfer Family says of an upload.
                {"x-amz-meta-user-agent": "AWSTransfer", "x-amz-meta-user-agent-id": sender},
            )

    def abandon(self) -> None:
        """Forget what is still open: the client went away in the middle of it."""
        self._open_files.clear()

    async def remove(self, path: bytes) -> None:
        """Remove a file; its versions stay, under a delete marker."""
        place = self._file(path)
        if not await self._exists(place):
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        await self._s3("DELETE", place)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a file, unless the new name is taken."""
        target = self._file(newpath)
        if await self._exists(target):
            raise asyncssh.SFTPFailure("the new name is taken")
        await self._move(self._file(oldpath), target)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename a file, in place of whatever has the new name."""
        await self._move(self._file(oldpath), self._file(newpath))

    def stat(self, path: bytes) -> Any:
        """Describe a file or folder. A home folder is there also while it is empty."""
        if self._is_elsewhere(path):
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        if self.realpath(path) in self._homes():
            path = _ROOT
        return super().stat(path)

    def lstat(self, path: bytes) -> Any:
        """As `stat`: there are no links."""
        return self.stat(path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder."""
        if self._is_elsewhere(path):
            raise asyncssh.SFTPNoSuchFile("there is no such folder")
        async for entry in super().scandir(path):
            yield entry

    def statvfs(self, path: bytes) -> Any:  # noqa: ARG002 - the same everywhere
        """Refuse: S3 is no file system, and this machine's own is nobody's business."""
        raise asyncssh.SFTPOpUnsupported("there is no file system behind this")

    def exit(self) -> None:
        """End the session."""

    def _homes(self) -> set[object]:
        return {mapping["Entry"].encode() for mapping in self._user["HomeDirectoryMappings"]}

    def _is_elsewhere(self, path: bytes) -> bool:
        bucket, _ = self._resolve(path)
        return not bucket and self.realpath(path) != _ROOT

    def _file(self, path: bytes) -> Place:
        bucket, key = self._resolve(path)
        if not bucket or self.realpath(path) in self._homes():
            raise asyncssh.SFTPPermissionDenied("only files below inbound, dryrun and outbound")
        return bucket, key

    async def _move(self, source: Place, target: Place) -> None:
        if not await self._exists(source):
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        if source == target:
            return
        copied = {"x-amz-copy-source": quote("/".join(source))}
        await self._s3("PUT", target, headers=copied)
        await self._s3("DELETE", source)

    async def _exists(self, place: Place) -> bool:
        status, _ = await self._request("HEAD", place)
        return bool(status < 300)

    async def _s3(
        self, method: str, place: Place, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        status, answer = await self._request(method, place, body, headers)
        if status >= 300:
            raise asyncssh.SFTPFailure(f"S3 answered {status}")
        return answer

    async def _request(
        self, method: str, place: Place, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        responses.set_request_account_id(self._account_id)
        responses.set_request_region(self._region)
        bucket, key = place
        status, _, answer = await s3.handle_request(
            method, f"/{bucket}/{key}", headers or {}, body, {}, internal=True
        )
        return status, answer


class _Session(sftp.SFTPServerHandler):
    """A session that ends: asyncssh closes what the client left open, as if it were finished."""

    async def _cleanup(self, exc: Exception | None) -> None:
        if isinstance(self._server, FilesInS3):
            self._server.abandon()
        await super()._cleanup(exc)


def main() -> None:
    """Run the local AWS."""
    # None of these names is public: of another ministack or asyncssh, a missing one ends the
    # server here, and its meaning is what tests/integration/test_sftp.py is about.
    transfer._ensure_sftp_runtime()  # noqa: SLF001
    theirs = transfer._MiniStackSFTPServer  # noqa: SLF001
    transfer._MiniStackSFTPServer = type("SftpServer", (FilesInS3, theirs), {})  # noqa: SLF001
    host_key = asyncssh.read_private_key(os.environ[HOST_KEY_VARIABLE])
    transfer._sftp_host_key = host_key  # noqa: SLF001
    sftp.SFTPServerHandler = _Session  # type: ignore[misc] # sessions are made by this name
    app.main()


if __name__ == "__main__":
    main()
