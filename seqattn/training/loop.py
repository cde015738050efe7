"""The training loop of every architecture: a generator of events that neither prints nor writes files."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from seqattn.data.batching import Batch, Example, collate, epoch_batches, lengths_of
from seqattn.errors import counted
from seqattn.hardware import autocast, empty_caches, give_back_freed_memory
from seqattn.models.base import Seq2Seq
from seqattn.models.weights import load_weights, temporary_weights, weights
from seqattn.ranks import ALONE, Ranks
from seqattn.training.divergence import (
    MOST_SKIPPED,
    TOO_LARGE,
    Diverged,
    Fault,
    fault_of,
    has_finite_weights,
    highest_loss,
)
from seqattn.training.events import Event, Finished, Skipped, Updated, Validated, Validation
from seqattn.training.guide import Guide
from seqattn.training.losses import agreement_loss, guided_loss, target_loss
from seqattn.training.memory import kept_within, sum_of_batches
from seqattn.training.optimizers import Optimizers
from seqattn.training.restoring import record_from, sort_tensors
from seqattn.training.schedule import Progress, TrainingOptions, learning_rate


@dataclass
class _Standing:
    """The results of the validations so far."""

    best: float = -math.inf
    best_loss: float = math.inf
    """Of the weights with the best score."""
    lowest_loss: float = math.inf
    stale: int = 0
    validated: int = -1
    """The update last validated."""
    pool: list[tuple[float, int]] = field(default_factory=list)
    """(score, update) of the weights kept for averaging."""

    def improved_by(self, score: float, loss: float) -> bool:
        """Whether weights are the best so far, which is noted; between equal scores the loss decides."""
        improved = (score, -loss) > (self.best, -self.best_loss)
        if improved:
            self.best, self.best_loss = score, loss
        return improved


class Trainer:
    """Trains a model on examples; `run` yields an event after each update and each validation.

    Between two events `state` contains everything that the rest of training depends on; a trainer that
    restores it continues as this one would have, bit for bit on a CPU.

    Several processes may train one model, each on its share of every update: N of them do what one does with
    N times the `accumulate`, apart from random numbers and rounding.
    """

    def __init__(
        self,
        model: Seq2Seq,
        examples: Sequence[Example],
        options: TrainingOptions,
        validate: Callable[[Seq2Seq], Validation],
        guide: Guide | None = None,
        sample: Callable[[int], Sequence[Example]] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        """`sample` makes the examples of an epoch, in the same order, for subword sampling."""
        self.model = model
        self.options = options
        self.progress = Progress()
        self.best: dict[str, Tensor] | None = None
        self._examples = examples
        self._lengths = lengths_of(examples, model.collator)
        self._validate = validate
        self._guide = guide
        self._sample = sample
        self._ranks = ranks
        self._batches = options.accumulate * ranks.size
        """Of an update, of all processes."""
        self._mean: dict[str, Tensor] | None = None
        self._device = next(model.parameters()).device
        self._optimizers = Optimizers(model, options, ranks.size)
        self._parameters = list(self._optimizers.parameters.values())
        self._highest = highest_loss(model, options, guide is not None)
        self._standing = _Standing()
        self._pool: list[dict[str, Tensor]] = []

    @property
    def validated(self) -> int:
        """The update last validated; -1 if there was none."""
        return self._standing.validated

    def run(self) -> Iterator[Event]:
        """Train until a limit is reached or validation no longer improves."""
        self._seed()
        batches = self._epoch()
        every = self.options.validate_every or min(2000, max(400, len(batches) // self._batches))
        while True:
            update = self.progress.update
            # Checked before the next update, so that a run interrupted in between validates when resumed.
            if update and update % every == 0 and self._standing.validated != update:
                yield self._validated()
            if reason := self._reason_to_stop():
                break
            if self.progress.batch >= len(batches):
                batches = self._next_epoch()
            group = batches[self.progress.batch : self.progress.batch + self._batches]
            yield self._update(group)
        if self._standing.validated != self.progress.update:
            yield self._validated()
        if self.options.average > 1 and len(self._pool) > 1:
            yield self._averaged()
        yield Finished(self.progress, reason)

    def _seed(self) -> None:
        """Each of several processes draws other random numbers, anew whenever training is resumed."""
        update, seed = self.progress.update, self.options.seed
        if self._ranks.size > 1:
            torch.manual_seed(random.Random(f"{seed} {update} {self._ranks.rank}").getrandbits(63))
        elif update == 0:
            torch.manual_seed(seed)

    def _epoch(self) -> list[list[int]]:
        if self._sample is not None:
            self._examples = self._sample(self.progress.epoch)
            self._lengths = lengths_of(self._examples, self.model.collator)
        return epoch_batches(self._lengths, self.options.batch_tokens, self.options.seed, self.progress.epoch)

    def _next_epoch(self) -> list[list[int]]:
        start = time.perf_counter()
        self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
        batches = self._epoch()
        self._spend(start)
        return batches

    def _spend(self, start: float) -> None:
        """Count the time since a start; clocks differ, and all processes must stop at the same update."""
        seconds = self._ranks.decided(self.progress.seconds + time.perf_counter() - start)
        self.progress = replace(self.progress, seconds=seconds)

    @property
    def out_of_patience(self) -> bool:
        """Whether too many validations in a row have not improved."""
        return bool(self.options.patience) and self._standing.stale >= self.options.patience

    def _reason_to_stop(self) -> str:
        options, progress = self.options, self.progress
        if options.max_updates and progress.update >= options.max_updates:
            return f"{counted(progress.update, 'update')} made"
        if options.max_tokens and progress.tokens >= options.max_tokens:
            return f"{counted(progress.tokens, 'token')} seen"
        if options.max_minutes and progress.seconds >= 60 * options.max_minutes:
            return f"{counted(options.max_minutes, 'minute')} passed"
        if self.out_of_patience:
            return f"nothing improved in {counted(self._standing.stale, 'validation')}"
        return ""

    def _update(self, group: Sequence[Sequence[int]]) -> Updated | Skipped:
        start = time.perf_counter()
        self.model.train()
        update = self.progress.update + 1
        rate = learning_rate(update, self.options, self.progress.spent(self.options))
        lengths = [self._lengths[row] for rows in group for row in rows]
        targets = sum(each.target for each in lengths)
        tokens = targets + sum(each.source for each in lengths)
        own = group[self._ranks.rank :: self._ranks.size]
        summed = sum_of_batches(own, lambda rows: self._backward(rows, targets), self._begin_again)
        loss, missing = self._sum_of_all(
            summed.loss, sum(self._lengths[row].target for row in summed.left_out)
        )
        used = targets - missing
        if 0 < used < targets:
            # A mean over the ids that were used.
            loss *= targets / used
            torch._foreach_mul_([p.grad for p in self._parameters if p.grad is not None], targets / used)
        norm = nn.utils.clip_grad_norm_(self._parameters, self.options.clip or math.inf).item()
        fault = fault_of(loss, norm, self._highest) if used else TOO_LARGE
        if not fault:
            self._optimizers.step(rate)
            if self.options.ema:
                self._average_moving(update)
        self.model.zero_grad()
        # Clocks differ, and all must stop at the same update.
        seconds = self._ranks.decided(time.perf_counter() - start)
        self.progress = replace(
            self.progress,
            update=update,
            batch=self.progress.batch + len(group),
            tokens=self.progress.tokens + tokens,
            seconds=self.progress.seconds + seconds,
            skipped=self.progress.skipped + 1 if fault else 0,
        )
        if fault:
            if self._hopeless(fault):
                raise Diverged(fault, update)
            return Skipped(self.progress, fault.what, fault.remedy)
        left_out = len(summed.left_out)
        return Updated(self.progress, loss, rate, tokens, seconds, summed.divided, left_out)

    def _hopeless(self, fault: Fault) -> bool:
        """Whether further updates will be left out too, as so many before, or as all will be."""
        damaged = fault is not TOO_LARGE and not has_finite_weights(self.model)
        return damaged or self.progress.skipped >= MOST_SKIPPED

    def _backward(self, rows: Sequence[int], targets: int) -> float:
        """Add the gradients of a batch, part of an update with so many target ids; its part of the loss."""
        batch = collate([self._examples[row] for row in rows], self.model.collator, self.model.longest)
        kept = kept_within(self.options.batch_memory << 20, self._parameters)
        with autocast(self._device, self.options.precision), kept:
            loss = self._loss(rows, batch) / targets
        loss.backward()
        return loss.item()

    def _begin_again(self) -> None:
        """Forget the gradients of an update that did not fit into memory."""
        self.model.zero_grad()
        empty_caches()

    def _sum_of_all(self, loss: float, missing: int) -> tuple[float, int]:
        """Both summed over all processes; so are the gradients, which replace those of each."""
        if self._ranks.size == 1:
            return loss, missing
        for parameter in self._parameters:
            if parameter.grad is None:
                # This process had no batch of the update, the last of an epoch.
                parameter.grad = torch.zeros_like(parameter)
        figures = torch.tensor([loss, missing], device=self._device)
        self._ranks.add([*(p.grad for p in self._parameters if p.grad is not None), figures])
        loss, ids = figures.tolist()
        return loss, round(ids)

    def _average_moving(self, update: int) -> None:
        """Move the mean of the weights towards the weights after an update."""
        own = weights(self.model)
        if self._mean is None:
            self._mean = {name: tensor.clone() for name, tensor in own.items()}
        decay = min(self.options.ema, (1 + update) / (10 + update))
        torch._foreach_lerp_([self._mean[name] for name in own], list(own.values()), 1 - decay)

    def _loss(self, rows: Sequence[int], batch: Batch) -> Tensor:
        moved = Batch(batch.source.to(self._device), batch.target.to(self._device))
        smoothing, dropped = self.options.label_smoothing, self.options.word_dropout
        if self.options.r_drop:
            return agreement_loss(self.model, moved, self.options.r_drop, smoothing, dropped)
        if self._guide is None:
            return target_loss(self.model, moved, smoothing, dropped)
        goal = self._guide.links.goal(rows, batch.target.shape[1] - 1, batch.source.shape[1])
        reading, weight = self._guide.reading, self.options.guide_weight
        goal = goal.to(self._device)
        return guided_loss(self.model, moved, goal, reading, weight, smoothing, dropped)

    def _validated(self) -> Validated:
        candidate = weights(self.model) if self._mean is None else self._mean
        with nullcontext() if self._mean is None else temporary_weights(self.model, self._mean):
            validation = self._timed_validation()
        if fault := fault_of(validation.loss, 0.0, self._highest):
            # Before any of it is kept.
            raise Diverged(fault._replace(what=f"in validation {fault.what}"), self.progress.update)
        score = validation.score(self.options.best_by)
        standing = self._standing
        improved = standing.improved_by(score, validation.loss)
        standing.stale = 0 if improved or validation.loss < standing.lowest_loss else standing.stale + 1
        standing.lowest_loss = min(validation.loss, standing.lowest_loss)
        standing.validated = self.progress.update
        copied = {name: tensor.clone() for name, tensor in candidate.items()}
        if improved or self.best is None:
            self.best = copied
        if self.options.average > 1:
            standing.pool.append((score, self.progress.update))
            self._pool.append(copied)
            if len(self._pool) > self.options.average:
                worst = standing.pool.index(min(standing.pool))
                del standing.pool[worst], self._pool[worst]
        return Validated(self.progress, validation, improved)

    def _averaged(self) -> Validated:
        """Validate the average of the pool (Junczys-Dowmunt et al. 2016); the model keeps its own weights."""
        mean = {name: torch.stack([kept[name] for kept in self._pool]).mean(0) for name in self._pool[0]}
        with temporary_weights(self.model, mean):
            validation = self._timed_validation()
        score = validation.score(self.options.best_by)
        improved = self._standing.improved_by(score, validation.loss) or self._is_best(mean)
        if improved:
            self.best = mean
        return Validated(self.progress, validation, improved, averaged=True)

    def _is_best(self, mean: Mapping[str, Tensor]) -> bool:
        """Whether these weights are the best already: they were validated before an interruption."""
        best = self.best
        return best is not None and all(torch.equal(tensor, best[name]) for name, tensor in mean.items())

    def _timed_validation(self) -> Validation:
        start = time.perf_counter()
        self.model.eval()
        validation = self._validate(self.model)
        # Blocks of ever new sizes would otherwise take more and more memory.
        give_back_freed_memory()
        self._spend(start)
        return validation

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that the rest of training depends on, as tensors and as JSON values."""
        tensors = {f"weights.{name}": tensor for name, tensor in weights(self.model).items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in self._optimizers.state().items()}
        tensors |= {f"mean.{name}": tensor for name, tensor in (self._mean or {}).items()}
        for index, kept in enumerate(self._pool):
            tensors |= {f"pool.{index}.{name}": tensor for name, tensor in kept.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self._device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self._device)
        return tensors, {"progress": vars(self.progress), "standing": vars(self._standing)}

    def restore(self, tensors: dict[str, Tensor], values: dict[str, Any], best: dict[str, Tensor]) -> None:
        """Continue from a `state`; `best` are the best weights at that time, which fit the model.

        ValueError or KeyError, and nothing is changed, when the state is not one of this trainer.
        """
        saved = sort_tensors(tensors, self._optimizers.parameters, self._optimizers.like)
        progress = record_from(Progress, values.get("progress"))
        standing = record_from(_Standing, values.get("standing"), -1)
        if len(standing.pool) != len(saved.pool):
            raise ValueError("the weights kept for averaging are not those with the scores")
        load_weights(self.model, saved.weights)
        if saved.mean:
            self._mean = self._here(saved.mean)
        self._optimizers.restore(saved.moments)
        self._pool = [self._here(kept) for kept in saved.pool]
        self.best = self._here(best)
        self.progress, self._standing = progress, standing
        torch.set_rng_state(saved.random["cpu"])
        if "cuda" in saved.random and self._device.type == "cuda":
            torch.cuda.set_rng_state(saved.random["cuda"], self._device)

    def _here(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Copies on the device of the model: what is restored may be mapped from a file to be replaced."""
        return {name: tensor.to(self._device, copy=True) for name, tensor in tensors.items()}
