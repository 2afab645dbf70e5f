"""The template of every callback that moves connections during `fit`."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.sparsity.schedules import DropFraction
from keras_moon.sparsity.update_rule import UpdateRule
from keras_moon.training.connections import ScoreInputs
from keras_moon.training.invariants import check_counts
from keras_moon.training.mask_updater import MaskUpdater
from keras_moon.training.optimizer_slots import unwrap
from keras_moon.training.stateful import StatefulCallback
from keras_moon.training.stateful import stateful_callbacks
from keras_moon.training.unmoved import warn_of_stillness


@keras_moon_export("callbacks.MaskUpdate")
class MaskUpdate(StatefulCallback):
    """Drops and grows connections every few hundred training steps.

    A method is a subclass with one method, `grow_scores`: the inactive
    connections of largest score grow. See `RigL` and `SET`.

    The update comes after the step in which it is due, at the first batch
    hook at or after it (`steps_per_execution` may delay it). Steps are
    optimizer steps, counted from the first epoch of training: a run that
    continues with `initial_epoch=k` continues the schedule at epoch `k`.

    Its place among the callbacks is free: stored weights are exactly zero
    where the mask is at any time, also in what a `ModelCheckpoint` before it
    saves. Put `SparsityLogger` after it, and loggers such as `CSVLogger`
    after that one.

    Args:
        update_freq: Optimizer steps from one update to the next. Defaults to
            100.
        drop_fraction: Fraction of active connections to move at the first
            update: a float in [0, 1], which decays as a half cosine to 0 at
            the last update, or a `km.sparsity` drop-fraction schedule.
            Defaults to 0.3.
        stop_fraction: Fraction of all training steps after which masks stand
            still, in (0, 1]. Defaults to 0.75 if `stop_step` is not given.
            Needs data of known length.
        begin_step: First step at which masks may change. Defaults to 0.
        stop_step: Last step at which masks may change, instead of
            `stop_fraction`.
        seed: Integer seed in [0, 2**64); with the place of the layer and the
            step it decides all randomness. Defaults to 0.
        regrow_dropped: Whether a connection that was just dropped may grow
            again at once, as in RigL's code. Defaults to `True`.
        count_rounding: How the number of connections to move is rounded:
            `"truncate"` (RigL's code), `"round"` or `"ceil"`.

    Raises:
        ValueError: At the start of `fit`, if the model has no sparse layers,
            its optimizer cannot be used (Muon, Adafactor with Keras's tiny
            `epsilon_1`, state per weight of an unknown kind), the length
            of the data is unknown and `stop_step` not given, or another
            callback of this kind is in the same `fit`. At once, if an
            argument is outside its range.
        TypeError: If an argument is of another type.
        RuntimeError: At the end of an epoch, if a layer does not have exactly
            its number of connections.

    Example:

    >>> class GrowWhereWeightsWere(km.callbacks.MaskUpdate):
    ...     needs_dense_gradient = True
    ...
    ...     def grow_scores(self, inputs):
    ...         noise = 1e-3 * inputs.uniform
    ...         return keras.ops.abs(inputs.gradient) + noise
    >>> callback = GrowWhereWeightsWere(update_freq=50)
    """

    needs_dense_gradient = False

    def __init__(
        self,
        update_freq: int = 100,
        drop_fraction: float | DropFraction = 0.3,
        stop_fraction: float | None = None,
        begin_step: int = 0,
        stop_step: int | None = None,
        seed: int = 0,
        regrow_dropped: bool = True,
        count_rounding: str = "truncate",
    ) -> None:
        super().__init__()
        self.update_rule = UpdateRule(
            every_steps=update_freq,
            begin_step=begin_step,
            stop_step=stop_step,
            stop_fraction=stop_fraction,
        )
        self.updater = MaskUpdater(
            grow=self.grow_scores,
            needs_dense_gradient=self.needs_dense_gradient,
            update_rule=self.update_rule,
            drop_fraction=drop_fraction,
            seed=seed,
            regrow_dropped=regrow_dropped,
            count_rounding=count_rounding,
        )
        self._accumulation = 1
        self._steps_per_epoch: int | None = None
        self._batches = 0
        self._batch_begin = 0
        # Batches at the end of this epoch, if that is known.
        self._epoch_end: int | None = None
        # Batches that the optimizer saw before this training.
        self._batches_before = 0
        self._start_is_pending = False
        self._was_trained = False

    def grow_scores(self, inputs: ScoreInputs) -> Any:
        """Returns a score per connection; the largest inactive ones grow."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement `grow_scores(inputs)`."
        )

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        model = self.model
        self._check_that_it_is_alone()
        self._accumulation = (
            getattr(
                unwrap(model.optimizer), "gradient_accumulation_steps", None
            )
            or 1
        )
        self._steps_per_epoch = self.params.get("steps")
        total = None
        if self._steps_per_epoch is not None:
            batches = self._steps_per_epoch * self.params["epochs"]
            total = batches // self._accumulation
        self.updater.reset()
        self.updater.update_rule = self.update_rule.resolve(total)
        self.updater.start(model, model.optimizer)
        self._start_is_pending = True
        self._was_trained = False

    def _check_that_it_is_alone(self) -> None:
        moving = [
            type(callback).__name__
            for callback in stateful_callbacks(self.model).values()
            if isinstance(callback, MaskUpdate)
        ]
        if len(moving) > 1:
            raise ValueError(
                "Only one callback may move the connections of a model in "
                f"one `fit`. Received: {moving}. Keep one of them; for "
                "another method write one `grow_scores` in a subclass of "
                "`keras_moon.callbacks.MaskUpdate`."
            )

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        # Only now are the first epoch and a restored optimizer known.
        if self._steps_per_epoch is None:
            self._count_by_optimizer(epoch)
        else:
            self._epoch_end = (epoch + 1) * self._steps_per_epoch
            if self._start_is_pending:
                self._batches = epoch * self._steps_per_epoch
        if self._start_is_pending:
            self.updater.current_step = self._batches // self._accumulation
        self._start_is_pending = False
        self._was_trained = True

    def _count_by_optimizer(self, epoch: int) -> None:
        """Finds how far training is when epochs are of unknown length."""
        model = self.model
        iterations = int(ops.convert_to_numpy(model.optimizer.iterations))
        seen = iterations * self._accumulation
        if self._start_is_pending:
            # From epoch 0 the schedule starts anew, also in a second `fit`.
            self._batches = seen if epoch else 0
            self._batches_before = seen - self._batches
            return
        # The last group of `steps_per_execution` may have been counted as
        # full. Nothing else is corrected: the optimizer leaves out steps that
        # loss scaling skipped, and on TensorFlow it counts one more for the
        # batch that was not there at the end of an epoch.
        overcounted = model.steps_per_execution - 1
        self._batches = min(
            self._batches,
            max(seen - self._batches_before, self._batches - overcounted),
        )

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        self._batch_begin = batch

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        # `self.model` is left alone on all other batches: on JAX, reading it
        # moves the whole training state (2.8 against 1.1 ms a step on a small
        # network). So batches are counted here, not by the optimizer.
        self._batches += batch - self._batch_begin + 1
        if self._epoch_end is not None:
            # With `steps_per_execution`, Keras may number the last batch of
            # an epoch as if its last group were full.
            self._batches = min(self._batches, self._epoch_end)
        step = self._batches // self._accumulation
        due = self.updater.advance(step - self.updater.current_step)
        if due is not None:
            self.updater.update(self.model, self.model.optimizer, due)

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        check_counts(self.model)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        updater, rule = self.updater, self.updater.update_rule
        if self._was_trained and updater.num_updates == 0:
            warnings.warn(
                f"{type(self).__name__} never updated a mask: training ended "
                f"at step {updater.current_step}, and updates were due "
                f"every {rule.every_steps} steps from {rule.begin_step} to "
                f"{rule.stop_step}. Lower `update_freq` or train longer.",
                stacklevel=2,
            )
        elif self._was_trained and updater.num_changed == 0:
            warn_of_stillness(
                type(self).__name__, updater.num_updates, updater.stillness
            )
        check_counts(self.model)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, which a resumed training must share."""
        return {
            "update_freq": self.update_rule.every_steps,
            "drop_fraction": self.updater.drop_fraction,
            "stop_fraction": self.update_rule.stop_fraction,
            "begin_step": self.update_rule.begin_step,
            "stop_step": self.update_rule.stop_step,
            "seed": self.updater.seed,
            "regrow_dropped": self.updater.regrow_dropped,
            "count_rounding": self.updater.count_rounding,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskUpdate":
        """Returns a fresh callback with the arguments of `get_config`."""
        return cls(**config)

    def get_state(self) -> dict[str, Any]:
        return {
            "batches": self._batches,
            "batches_before": self._batches_before,
            **self.updater.get_state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._batches = int(state["batches"])
        self._batches_before = int(state["batches_before"])
        self._start_is_pending = False
        self.updater.set_state(state)


def mask_updater_of(model: keras.Model) -> MaskUpdater | None:
    """Returns the updater of the `fit` that is running, if there is one."""
    for callback in stateful_callbacks(model).values():
        if isinstance(callback, MaskUpdate):
            return callback.updater
    return None
