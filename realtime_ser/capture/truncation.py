"""Was the end of a recording lost? Seen before anything is analysed, without decoding it all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import soundfile

if TYPE_CHECKING:
    from pathlib import Path

_CLAIM = re.compile(
    r"^\s*(?:data|SSND|Data Size|Riff size|riff)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE
)
"""libsndfile's remark on a chunk that is longer, by its header, than what the file holds."""

_UNKNOWN_LENGTH = 0x7FFF_0000
"""From here on a length means "written to a pipe, length not known" (ffmpeg, SoX)."""

_MAX_OGG_PAGE = 65_307


def missing_end(path: Path, file: soundfile.SoundFile) -> str | None:
    """Why the recording is known to be cut off, or None.

    Uncompressed formats say how long they should be, and so do most MP3 files; of FLAC the last
    sample is tried; an Ogg file must end with a whole page. What carries none of these cannot be
    told from a whole recording. Leaves ``file`` at an unknown position.
    """
    for claimed, present in _CLAIM.findall(file.extra_info):
        if int(present) < int(claimed) < _UNKNOWN_LENGTH:
            return _share(int(present), int(claimed))
    if file.format == "FLAC" and not _end_decodes(file):
        return "the end that its header promises cannot be decoded"
    if file.format == "OGG" and not _ends_with_whole_page(path):
        return "the last page is incomplete"
    if file.format == "MP3":
        return _missing_mp3(path)
    return None


def _share(present: int, claimed: int) -> str:
    return f"{present / claimed:.0%} of the audio that its header promises is there"


def _end_decodes(file: soundfile.SoundFile) -> bool:
    try:
        file.seek(file.frames - 1)
        return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _missing_mp3(path: Path) -> str | None:
    """The Xing (or Info) header of an MP3 says how many bytes follow, itself included."""
    with path.open("rb") as file:
        head = file.read(10)
        tag = 0
        if head[:3] == b"ID3" and len(head) == 10:  # its length has 7 bits a byte
            tag = 10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(head[6:]))
        file.seek(tag)
        start = file.read(4096)
        present = file.seek(0, 2) - tag
    found = re.search(rb"(?:Xing|Info)(....)", start, re.DOTALL)
    if found is None:
        return None
    has_frames, has_bytes = found[1][3] & 1, found[1][3] & 2
    at = found.end() + 4 * has_frames
    claimed = int.from_bytes(start[at : at + 4], "big")
    # Tags behind the audio only add, and padding before it is forgiven.
    return _share(present, claimed) if has_bytes and present < 0.99 * claimed else None


def _ends_with_whole_page(path: Path) -> bool:
    """RFC 3533, section 6: 27 bytes, a table of segment lengths, then the segments."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _MAX_OGG_PAGE)
        file.seek(start)
        tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return False
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    if len(table) < tail[at + 26]:
        return False
    return len(tail) >= at + 27 + len(table) + sum(table)
