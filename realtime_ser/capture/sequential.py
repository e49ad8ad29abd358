"""A recording that is decoded from front to back."""

from __future__ import annotations

from typing import Final

import soundfile

FLOAT_SUBTYPES: Final = ("FLOAT", "DOUBLE")

_CHUNK = 1 << 20
_EXACT_FORMATS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "FLAC")
_EXACT_SUBTYPES = (
    *FLOAT_SUBTYPES, "PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW",
)  # fmt: skip


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """Reads without seeking.

    soundfile seeks to where it is after every read. In MP3 that loses the decoder's state: read in
    blocks, a tone came out as one block of tone and silence (soundfile 0.14, libsndfile 1.2.2).
    """

    def seekable(self) -> bool:
        """What soundfile asks before it seeks."""
        return False

    @property
    def seeks_exactly(self) -> bool:
        """``seek`` finds any sample, and what is read there is what decoding all before it gives.

        Of the others some land elsewhere (20-bit ALAC) or refuse (GSM), and MP3 and Ogg promise
        nothing.
        """
        return self.format in _EXACT_FORMATS and self.subtype in _EXACT_SUBTYPES

    @property
    def chunk(self) -> int:
        """Samples a channel to decode at a time where nobody waits for them: some megabytes."""
        return max(1, _CHUNK // int(self.channels))
