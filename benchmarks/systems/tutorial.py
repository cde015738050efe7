"""The same models as in tutorials: torch.nn.Transformer, and an LSTM in a loop over target steps.

Cross-entropy and Adam in fp32, the default allocator, no cache in decoding.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from systems.protocol import BOS, EOS, PAD, Work


class TutorialTransformer(nn.Module):
    def __init__(self, vocabulary: int, width: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.transformer = nn.Transformer(width, 4, 3, 3, 1024, 0.1, batch_first=True)
        self.output = nn.Linear(width, vocabulary, bias=False)
        self.output.weight = self.embedding.weight
        self.dropout = nn.Dropout(0.1)
        position = torch.arange(512).unsqueeze(1)
        wave = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(512, width)
        table[:, 0::2], table[:, 1::2] = torch.sin(position * wave), torch.cos(position * wave)
        self.register_buffer("positions", table)

    def embed(self, ids: Tensor) -> Tensor:
        scaled = self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)
        return self.dropout(scaled + self.positions[: ids.shape[1]])

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        causal = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        hidden = self.transformer(
            self.embed(source),
            self.embed(target),
            tgt_mask=causal,
            src_key_padding_mask=(source == PAD).float().masked_fill(source == PAD, -torch.inf),
            tgt_key_padding_mask=(target == PAD).float().masked_fill(target == PAD, -torch.inf),
            memory_key_padding_mask=(source == PAD).float().masked_fill(source == PAD, -torch.inf),
            tgt_is_causal=True,
        )
        return self.output(hidden)

    def start(self, source: Tensor) -> Any:
        return source, None

    def next(self, prefix: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self(state[0], prefix)[:, -1], state

    def rows(self, state: Any, index: Tensor) -> Any:
        return state[0][index], None


class TutorialLSTM(nn.Module):
    def __init__(self, vocabulary: int, feeding: bool, width: int = 256, hidden: int = 512) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.encoder = nn.LSTM(width, hidden // 2, batch_first=True, bidirectional=True)
        self.bridge_h, self.bridge_c = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.feeding = feeding
        self.cell = nn.LSTMCell(2 * width if feeding else width, hidden)
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, width, bias=False)
        self.output = nn.Linear(width, vocabulary, bias=False)
        self.output.weight = self.embedding.weight
        self.dropout = nn.Dropout(0.1)

    def start(self, source: Tensor) -> Any:
        lengths = (source != PAD).sum(1)
        embedded = self.dropout(self.embedding(source))
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, (h, _) = self.encoder(packed)
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])
        last = torch.cat([h[0], h[1]], dim=-1)
        fed = states.new_zeros(len(source), self.embedding.embedding_dim)
        return torch.tanh(self.bridge_h(last)), self.bridge_c(last), fed, states, source != PAD

    def step(self, word: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, c, fed, states, mask = state
        x = self.dropout(self.embedding(word))
        h, c = self.cell(torch.cat([x, fed], dim=-1) if self.feeding else x, (h, c))
        scores = torch.bmm(states, self.score(h).unsqueeze(2)).squeeze(2).masked_fill(~mask, -torch.inf)
        context = torch.bmm(scores.softmax(-1).unsqueeze(1), states).squeeze(1)
        attentional = self.dropout(torch.tanh(self.combine(torch.cat([context, h], dim=-1))))
        return attentional, (h, c, attentional, states, mask)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        state, outputs = self.start(source), []
        for t in range(target.shape[1]):
            attentional, state = self.step(target[:, t], state)
            outputs.append(self.output(attentional))
        return torch.stack(outputs, dim=1)

    def next(self, prefix: Tensor, state: Any) -> tuple[Tensor, Any]:
        attentional, state = self.step(prefix[:, -1], state)
        return self.output(attentional), state

    def rows(self, state: Any, index: Tensor) -> Any:
        return tuple(part[index] for part in state)


class Tutorial:
    def __init__(self, work: Work, name: str) -> None:
        torch.set_num_threads(work.threads)
        torch.manual_seed(1)
        self.work = work
        self.model: Any = (
            TutorialTransformer(work.vocabulary)
            if name == "T"
            else TutorialLSTM(work.vocabulary, feeding=name == "L-fed")
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=5e-4)
        self.loss = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1)

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        self.model.train()
        start, total = time.perf_counter(), 0.0
        for rows in batches:
            pairs = [self.work.train[row] for row in rows]
            source = pad_sequence([torch.tensor(s) for s, _ in pairs], True, PAD)
            target = pad_sequence([torch.tensor([BOS, *t]) for _, t in pairs], True, PAD)
            self.optimizer.zero_grad()
            logits = self.model(source, target[:, :-1])
            loss = self.loss(logits.reshape(-1, logits.shape[-1]), target[:, 1:].reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            total += loss.item()
        return {"seconds": time.perf_counter() - start, "loss": total / len(batches)}

    @torch.inference_mode()
    def decode(self, beam: int, length: int) -> dict[str, Any]:
        """Batches of 64 sentences by length; a beam search of fixed length."""
        self.model.eval()
        start, tokens = time.perf_counter(), 0
        order = sorted(range(len(self.work.test)), key=lambda row: -len(self.work.test[row]))
        for at in range(0, len(order), 64):
            sources = [torch.tensor(self.work.test[row]) for row in order[at : at + 64]]
            n = len(sources)
            repeated = pad_sequence(sources, True, PAD).repeat_interleave(beam, 0)
            state = self.model.start(repeated)
            prefix = torch.full((n * beam, 1), BOS)
            totals = torch.full((n, beam), -torch.inf)
            totals[:, 0] = 0.0
            for _ in range(length):
                logits, state = self.model.next(prefix, state)
                log_p = logits.log_softmax(-1)
                log_p[:, [PAD, BOS, EOS]] = -torch.inf
                scores = (totals.unsqueeze(2) + log_p.view(n, beam, -1)).flatten(1)
                totals, index = scores.topk(beam, dim=1)
                row = (torch.arange(n).unsqueeze(1) * beam + index // log_p.shape[1]).flatten()
                word = (index % log_p.shape[1]).flatten()
                prefix = torch.cat([prefix[row], word.unsqueeze(1)], dim=1)
                state = self.model.rows(state, row)
            tokens += n * length
        return {"seconds": time.perf_counter() - start, "tokens": tokens}
