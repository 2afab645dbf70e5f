"""Moves the connections of a sparse model: when, where, and what follows."""

import functools
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.functional import random_bits
from keras_moon.layers.masked_kernel import MaskedKernel
from keras_moon.layers.masked_kernel import read
from keras_moon.sparsity.schedules import DropFraction
from keras_moon.sparsity.update_rule import UpdateRule
from keras_moon.training.compiled import compile_function
from keras_moon.training.connections import COUNT_ROUNDINGS
from keras_moon.training.connections import ScoreInputs
from keras_moon.training.connections import move_connections
from keras_moon.training.dense_gradients import check_dense_gradients
from keras_moon.training.dense_gradients import check_moving_average
from keras_moon.training.dense_gradients import gradient_scale
from keras_moon.training.exploration import Exploration
from keras_moon.training.invariants import require_masked_kernels
from keras_moon.training.invariants import zero_masked_weights
from keras_moon.training.optimizer_slots import build_optimizer
from keras_moon.training.optimizer_slots import check_optimizer
from keras_moon.training.optimizer_slots import kernel_slots
from keras_moon.training.strategy import refuse_multi_worker
from keras_moon.training.unmoved import NO_FRACTION
from keras_moon.training.unmoved import cause_of_stillness
from keras_moon.training.unmoved import warn_of_gradients
from keras_moon.training.updater_arguments import count_rounding_of
from keras_moon.training.updater_arguments import drop_fraction_of
from keras_moon.training.updater_arguments import flag
from keras_moon.training.updater_arguments import grow_scores_and_need
from keras_moon.training.updater_arguments import seed_of
from keras_moon.training.updater_arguments import update_rule_of


@keras_moon_export("training.MaskUpdater")
class MaskUpdater:
    """Updates the masks of a sparse model while it is trained.

    At the steps of `update_rule`, each kernel drops the fraction
    `drop_fraction` of its active connections, those of smallest magnitude,
    and grows as many where the score is largest: the gradient's magnitude
    (RigL, arXiv 1911.11134) or a random number (SET, arXiv 1707.04780). The
    number of connections of each kernel never changes. Newly grown weights
    start at zero, and every optimizer slot of a connection whose mask bit
    changed goes back to its initial value.

    The callbacks wrap this class for `fit`. In a training loop of your own,
    call `step` after each training step. In a stateless JAX loop, write the
    state back into model and optimizer before a `step` that `is_due`, and
    read it again after (the first one always is).

    Unlike RigL's code, which skips the gradient step in which it updates, the
    masks change after the step.

    A layer whose dense gradient is zero everywhere (nothing wrote it, or the
    layer is dead) or not finite is left as it is at that update, with a
    warning that names it.

    Args:
        grow: `"gradient"`, `"random"`, or a function from `ScoreInputs` to a
            tensor of the kernel's shape; the largest scores grow.
        needs_dense_gradient: Whether a function given as `grow` reads
            `inputs.gradient`. Known for the named ones.
        update_rule: `km.sparsity.UpdateRule`. Outside `fit` it must have a
            `stop_step`. Defaults to every 100 steps over the first 75 % of
            training.
        drop_fraction: Fraction of active connections to move: a schedule such
            as `km.sparsity.CosineDropFraction`, or a float in [0, 1], from
            which a cosine decays to 0 at the stop step. Defaults to 0.3.
        seed: Integer seed of `inputs.uniform`, in [0, 2**64). Defaults to 0.
        regrow_dropped: Whether a connection that was just dropped may grow
            again at once, as in RigL's code. Defaults to `True`.
        count_rounding: How the number of connections to move is rounded:
            `"truncate"` (RigL's code), `"round"` (JaxPruner) or `"ceil"`.

    Raises:
        TypeError: If an argument is of another type.
        ValueError: If an argument is not one of those named, or outside its
            range.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> model = km.sparsify(model, sparsity=0.5)
    >>> model.compile("sgd", "mse")
    >>> rule = km.sparsity.UpdateRule(every_steps=2, stop_step=4)
    >>> updater = km.training.MaskUpdater("gradient", update_rule=rule)
    >>> x, y = np.ones((2, 8), "float32"), np.ones((2, 4), "float32")
    >>> for _ in range(4):
    ...     loss = model.train_on_batch(x, y)
    ...     updated = updater.step(model, model.optimizer)
    >>> updater.num_updates
    2
    """

    def __init__(
        self,
        grow: str | Callable[[ScoreInputs], Any] = "gradient",
        needs_dense_gradient: bool = False,
        update_rule: UpdateRule | None = None,
        drop_fraction: float | DropFraction = 0.3,
        seed: int = 0,
        regrow_dropped: bool = True,
        count_rounding: str = "truncate",
    ) -> None:
        self.grow_scores, self.needs_dense_gradient = grow_scores_and_need(
            grow, needs_dense_gradient
        )
        self.update_rule = update_rule_of(update_rule)
        self.drop_fraction = drop_fraction_of(drop_fraction)
        self.seed = seed_of(seed)
        self.regrow_dropped = flag("regrow_dropped", regrow_dropped)
        self.count_rounding = count_rounding_of(count_rounding)
        self.reset()

    def reset(self) -> None:
        """Forgets the training so far: steps, updates, explored weights."""
        self.current_step: int | None = None
        self.num_updates = 0
        self.num_changed = 0
        # Why updates moved nothing, or "". A fraction that has decayed to 0
        # takes the place of no other cause.
        self.stillness = ""
        self.exploration = Exploration()
        self._compiled: Callable[..., Any] | None = None
        # Kernel paths and faults of their gradients, each announced once.
        self._announced: set[tuple[str, int]] = set()

    def check(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer
    ) -> None:
        """Raises if this model and optimizer cannot be trained so."""
        refuse_multi_worker()
        require_masked_kernels(model, type(self).__name__)
        check_optimizer(optimizer)
        check_moving_average(model, optimizer)
        if self.needs_dense_gradient:
            check_dense_gradients(model, optimizer)

    def start(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer
    ) -> None:
        """Checks the model and notes which weights are active at the start.

        Builds the optimizer if it is not built yet, as the first step would,
        to see its state before any training.
        """
        self.check(model, optimizer)
        build_optimizer(model, optimizer)
        for _, _, kernel in self._movable(model):
            kernel_slots(optimizer, kernel.kernel)
        zero_masked_weights(model)
        self.exploration.add(model)

    def is_due(self, num_steps: int = 1) -> bool:
        """Whether the next `step` reads and writes model and optimizer.

        So it does when it will meet an update, and when it is the first one.
        """
        step = self.current_step
        if step is None:
            return True
        return self.update_rule.last_due(step, step + num_steps) is not None

    def advance(self, num_steps: int = 1) -> int | None:
        """Counts training steps; returns the update step just crossed."""
        previous = self.current_step or 0
        self.current_step = previous + num_steps
        return self.update_rule.last_due(previous, self.current_step)

    def step(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        num_steps: int = 1,
    ) -> bool:
        """Call after each training step of your own loop.

        The first call takes the step number from `optimizer.iterations`;
        after that, steps are counted here.

        Args:
            model: The sparse model that is trained.
            optimizer: The built optimizer that trains it.
            num_steps: Training steps since the last call.

        Returns:
            Whether the masks were updated.

        Raises:
            ValueError: If the model has no sparse layers, or the optimizer or
                its settings cannot be used with this method.
        """
        if self.current_step is None:
            self.start(model, optimizer)
            iterations = int(ops.convert_to_numpy(optimizer.iterations))
            self.current_step = max(iterations - num_steps, 0)
        due = self.advance(num_steps)
        if due is None:
            return False
        self.update(model, optimizer, due)
        return True

    def update(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        step: int,
    ) -> None:
        """Updates all masks now, as at the given update step.

        Args:
            model: The sparse model that is trained.
            optimizer: The built optimizer that trains it.
            step: Step of the update rule; decides drop fraction and
                randomness.
        """
        fraction = self.drop_fraction(self.update_rule.progress(step))
        count = COUNT_ROUNDINGS[self.count_rounding]
        movable: list[MaskedKernel] = []
        paths, keys, num_update = [], [], []
        for index, path, kernel in self._movable(model):
            movable.append(kernel)
            paths.append(path)
            keys.append(random_bits.fold_key(self.seed, index, step))
            num_update.append(count(kernel.target_nonzeros, fraction))
        slots = [kernel_slots(optimizer, kernel.kernel) for kernel in movable]
        moved = self._run(optimizer, movable, slots, keys, num_update)
        self.num_changed += sum(number for number in moved if number > 0)
        self.num_updates += 1
        cause = cause_of_stillness(num_update, fraction, moved)
        if not self.stillness or cause != NO_FRACTION:
            self.stillness = cause
        self.exploration.add(model)
        self._announce(step, dict(zip(paths, moved, strict=True)))

    def _announce(self, step: int, moved: Mapping[str, int]) -> None:
        """Warns of layers that stayed for want of a gradient, once each."""
        for fault in sorted(
            {number for number in moved.values() if number < 0}
        ):
            paths = [
                path
                for path, number in moved.items()
                if number == fault and (path, fault) not in self._announced
            ]
            if paths:
                self._announced.update((path, fault) for path in paths)
                warn_of_gradients(type(self).__name__, step, fault, paths)

    def _movable(
        self, model: keras.Model
    ) -> list[tuple[int, str, MaskedKernel]]:
        """The kernels whose masks may change, with their fixed positions."""
        kernels = require_masked_kernels(model, type(self).__name__)
        return [
            (index, path, kernel)
            for index, (path, layer, kernel) in enumerate(kernels)
            # A dense kernel has nowhere to go; a frozen one stays as it is.
            if layer.trainable and not kernel.is_dense
        ]

    def _run(
        self,
        optimizer: keras.optimizers.Optimizer,
        movable: list[MaskedKernel],
        slots: list[list[tuple[keras.Variable, float]]],
        keys: list[np.ndarray],
        num_update: list[int],
    ) -> list[int]:
        """Moves connections; returns how many, or a fault, per kernel."""
        if not movable:
            return []
        if self._compiled is None:
            self._compiled = compile_function(
                functools.partial(
                    move_connections, self.grow_scores, self.regrow_dropped
                )
            )
        gradients: list[Any] = []
        if self.needs_dense_gradient:
            gradients = [read(kernel.tap) for kernel in movable]
        kernels, masks, new_slots, moved = self._compiled(
            [read(kernel.kernel) for kernel in movable],
            [read(kernel.mask) for kernel in movable],
            gradients,
            ops.cast(gradient_scale(optimizer), "float32"),
            [[read(slot) for slot, _ in per_kernel] for per_kernel in slots],
            [
                [np.float32(initial) for _, initial in per_kernel]
                for per_kernel in slots
            ],
            ops.convert_to_tensor(np.stack(keys), dtype="uint32"),
            ops.convert_to_tensor(np.array(num_update, "int32")),
        )
        for i, kernel in enumerate(movable):
            kernel.kernel.assign(kernels[i])
            kernel.mask.assign(masks[i])
            for (slot, _), value in zip(slots[i], new_slots[i], strict=True):
                slot.assign(value)
        return ops.convert_to_numpy(moved).tolist()

    def get_state(self) -> dict[str, Any]:
        """Returns what a resumed training needs, as arrays and numbers."""
        step = self.current_step
        return {
            "current_step": -1 if step is None else step,
            "num_updates": self.num_updates,
            "num_changed": self.num_changed,
            "stillness": self.stillness,
            **self.exploration.get_state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `get_state` returned."""
        step = int(state["current_step"])
        self.current_step = None if step < 0 else step
        self.num_updates = int(state["num_updates"])
        self.num_changed = int(state["num_changed"])
        self.stillness = str(state["stillness"])
        self.exploration.set_state(state)
