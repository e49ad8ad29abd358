"""In training, a stranger is heard as if somebody else, or another microphone, were in between.

His description is shifted by a share of the difference between two voices (the mean descriptions of
a speaker in a condition), so that what only voices and microphones differ in tells nothing. After
MixStyle (Zhou et al. 2021, arXiv 2104.02008), which mixes means and deviations of a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

OFTEN = 0.5
"""Of strangers are shifted: the others are heard as they are."""


class OtherVoices(nn.Module):
    """Shifts of descriptions that are relative to everybody's mean; none outside training."""

    def __init__(self) -> None:
        super().__init__()
        self._voices = torch.zeros(0)
        self._share = 0.0

    def know(self, voices: Tensor, share: float) -> None:
        """Set what shifts are made of.

        Args:
            voices: (n, n_scales, width) mean descriptions, on the device of the network.
            share: of the difference between two of them, at most; 0 for no shifts.
        """
        self._voices = voices
        self._share = share

    def forward(self, batch: int) -> Tensor | None:
        """(n_scales, batch, 1, width), or None where nothing is shifted."""
        if not self.training or not self._share:
            return None
        one, other = torch.randint(len(self._voices), (2, batch), device=self._voices.device)
        chance = torch.rand(batch, 1, 1, device=self._voices.device)
        share = self._share * (chance / OFTEN) * (chance < OFTEN)
        shift = share * (self._voices[one] - self._voices[other])
        return shift.transpose(0, 1)[:, :, None]
