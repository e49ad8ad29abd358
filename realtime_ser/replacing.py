"""Files that are replaced whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def replace_files(contents: Mapping[Path, bytes | memoryview]) -> None:
    """Write files beside those of their names, then put all of them in their places.

    Raises:
        OSError: they cannot be written. As long as none could be, the old ones are as they were.
    """
    new = {file: file.with_suffix(f".{uuid4().hex}.new") for file in contents}
    try:
        for file, content in contents.items():
            new[file].write_bytes(content)
        for file in contents:
            new[file].replace(file)
    finally:
        for file in new.values():
            with suppress(OSError):
                file.unlink(missing_ok=True)
