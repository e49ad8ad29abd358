"""In training, a stranger is heard as if somebody else, or another microphone, were in between.

His description is shifted by a share of the difference between two voices (the mean descriptions of
a speaker in a condition), so that what only voices and microphones differ in tells nothing. After
MixStyle (Zhou et al. 2021, arXiv 2104.02008), which mixes means and deviations of a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OtherVoices(nn.Module):
    """Shifts of descriptions that are relative to everybody's mean; zero outside training."""

    _voices: Tensor

    def __init__(self, n_scales: int, width: int) -> None:
        super().__init__()
        self._share = 0.0
        self.register_buffer("_voices", torch.zeros(1, n_scales, width), persistent=False)

    def know(self, voices: Tensor, share: float) -> None:
        """Set what shifts are made of.

        Args:
            voices: (n, n_scales, width) mean descriptions.
            share: of the difference between two of them, at most; 0 for no shifts.
        """
        self._voices = voices.to(self._voices)
        self._share = share

    def forward(self, batch: int) -> Tensor:
        """(n_scales, batch, 1, width), or a single zero."""
        if not self.training or not self._share:
            return self._voices.new_zeros(1)
        one, other = torch.randint(len(self._voices), (2, batch), device=self._voices.device)
        share = self._share * torch.rand(batch, 1, 1, device=self._voices.device)
        shift = share * (self._voices[one] - self._voices[other])
        return shift.transpose(0, 1)[:, :, None]
