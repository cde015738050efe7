"""Initialisation shared by the LSTM encoder and decoder."""

from __future__ import annotations

import torch
from torch import nn


def initialise_lstm(lstm: nn.LSTM) -> None:
    """Draw an LSTM's initial weights; torch orders the gates input, forget, cell, output.

    Glorot uniform for input weights, orthogonal for recurrent weights (Saxe et al. 2014), forget gates
    biased by 1 (Jozefowicz et al. 2015).
    """
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            for gate in parameter.chunk(4):
                nn.init.xavier_uniform_(gate)
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                with torch.no_grad():
                    parameter.chunk(4)[1].fill_(1.0)
