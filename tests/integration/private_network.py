"""Run a server that listens on every interface where nobody can reach it but through one socket.

    python private_network.py LISTENING_FD PORT COMMAND…

The process leaves the machine's network for one of its own, which has a loopback interface and
nothing else, and starts the command there. The listening socket that it was given keeps belonging
to the network it was made in, so what connects to it is relayed to the command's PORT. Ends, and
ends the command, when its standard input closes: also when whoever started it was killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
REFUSED = 77
"""Exit code: this machine lets nobody make a network of one's own."""


def leave_network() -> None:
    """Move this process, and what it starts, into a network of its own. Raises `OSError`."""
    user, group = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


async def serve(listening: socket.socket, port: int, command: list[str]) -> int:
    """Run the command and relay connections to it, until it or standard input ends."""
    server_process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL
    )

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    relaying = await asyncio.start_server(relay, sock=listening)
    ended = asyncio.create_task(server_process.wait())
    asked_to_end = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await asyncio.wait({ended, asked_to_end}, return_when=asyncio.FIRST_COMPLETED)
    relaying.close()
    if not ended.done():
        server_process.terminate()
        await ended
        return 0
    # A thread still waits for standard input: leave without it.
    os._exit(ended.result())


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


def main() -> None:
    """Leave the network, then serve."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    try:
        leave_network()
    except (AttributeError, OSError) as error:
        sys.stderr.write(f"cannot make a network of its own: {error}\n")
        sys.exit(REFUSED)
    sys.exit(asyncio.run(serve(listening, int(sys.argv[2]), sys.argv[3:])))


if __name__ == "__main__":
    main()
