"""The local AWS as `up` runs it: ministack, and in its process what puts it right."""

from __future__ import annotations

from pointflow_local import item_keys, sftp_server


def main() -> None:
    """Run the local AWS."""
    item_keys.install()
    sftp_server.main()


if __name__ == "__main__":
    main()
