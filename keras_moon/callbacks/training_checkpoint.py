"""A run that is killed at any moment goes on as if nothing had happened."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_moon.api_export import keras_moon_export
from keras_moon.data.epoch_batches import EpochBatches
from keras_moon.training import checkpoint as state
from keras_moon.training.checkpoint_file import Checkpoint
from keras_moon.training.checkpoint_file import checkpoint_paths
from keras_moon.training.checkpoint_file import read_latest_checkpoint
from keras_moon.training.checkpoint_file import write_checkpoint
from keras_moon.training.stateful import StatefulCallback


@keras_moon_export("callbacks.TrainingCheckpoint")
class TrainingCheckpoint(StatefulCallback):
    """Saves a run and resumes it, bitwise equal on CPU.

    Keras's `BackupAndRestore` brings back weights and the epoch. This one
    brings back all variables (weights, masks, the state of seed generators,
    optimizer slots, also inside a `LossScaleOptimizer`, metrics), the state
    of every `km.training.StatefulCallback` (`RigL` and the others), and with
    `data` the batch. Call the same program again after a kill: `fit` goes on
    from the latest checkpoint in `directory`, if there is one.

    A file is complete or does not exist, carries a SHA-256, and holds no
    pickles. If the latest is damaged, the one before is taken, with a
    warning. A checkpoint of another model, optimizer, data set or `config`
    is refused with a message that names the difference.

    Its place among the callbacks is free. A state is saved after all
    callbacks have seen the end of the batch or epoch, in the next
    `on_train_batch_begin`, `on_epoch_begin` or `on_train_end`, and restored
    in that same hook, after every earlier one, so that nothing happens
    twice. (Variables are restored in `on_train_begin` too, for the other
    callbacks to see.) In a resumed epoch batches are numbered from 0 again.

    Not restored: what Keras's own callbacks keep to themselves (`History`
    has the epochs of this process only, `EarlyStopping` and
    `ReduceLROnPlateau` begin to wait anew, `CSVLogger` needs `append=True`),
    random state outside the model (NumPy's, Python's, and Keras's global
    one, which random layers do not use), and, without `data`, the order of
    the data and metrics that remember more than an epoch.

    Bitwise equal means: on CPU, with the same program, versions and number of
    devices. No switch is needed for that: the tests kill runs on both
    backends without one. On GPU, TensorFlow promises it only after
    `tf.config.experimental.enable_op_determinism()`, which the killed run
    must have called too. Under `tf.distribute.MirroredStrategy`
    the sums that each device has of the metrics are saved and restored; the
    rest is equal on all of them. On another number of devices a run goes
    on, but rounds in another way.

    When `fit` ends, the checkpoint is marked as finished. To run it again
    then trains nothing and says so; with more `epochs` it goes on. A `fit`
    that a callback stops within an epoch is not finished: run again, it goes
    on from its latest checkpoint.

    Args:
        directory: Folder for the checkpoints of this run, on a disk that all
            processes see. With several JAX processes (data parallel: the
            same variables everywhere) the first one writes and all read.
            Each may have an `EpochBatches` over a share of the data.
        data: The `km.data.EpochBatches` that `fit` trains on. Needed to go
            on within an epoch, and for the order of the data to be the same.
            Defaults to `None`: a killed run begins its epoch again.
        save_every_steps: Batches from one checkpoint to the next, counted
            from the first epoch; a checkpoint comes at the first chance at or
            after. Needs `data`. Defaults to `None`: at the end of epochs.
        save_every_epochs: Epochs from one checkpoint to the next, or `None`
            for none but those of `save_every_steps` and the last one.
            Defaults to 1.
        keep: Number of checkpoints to keep, at least 1. Defaults to 2: with 1
            there is none to fall back on.
        resume: Whether to go on from what is in `directory`. Defaults to
            `True`. With `False`, a directory with checkpoints is an error.
        config: Anything else that must be equal to resume (the flags of a
            program, the sparsity), as a dict that can be written as JSON.
            Defaults to `None`.
        verbose: Whether to print where a run goes on. Defaults to `True`.

    Raises:
        ValueError: If an argument is out of range. At the start of `fit`, if
            the run cannot be resumed.
        TypeError: If `data` is not an `EpochBatches`.

    Example:

    >>> import tempfile
    >>> directory = tempfile.mkdtemp()
    >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    >>> def train(epochs):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     data = km.data.EpochBatches(x, y, batch_size=4)
    ...     checkpoint = km.callbacks.TrainingCheckpoint(directory, data=data)
    ...     history = model.fit(
    ...         data, epochs=epochs, callbacks=[checkpoint], verbose=0
    ...     )
    ...     return history.epoch
    >>> train(epochs=2)
    [0, 1]
    >>> train(epochs=3)
    TrainingCheckpoint: going on with epoch 3 of 3 (epoch-00002-batch-...npz).
    [2]
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        data: EpochBatches | None = None,
        save_every_steps: int | None = None,
        save_every_epochs: int | None = 1,
        keep: int = 2,
        resume: bool = True,
        config: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        super().__init__()
        if data is not None and not isinstance(data, EpochBatches):
            raise TypeError(
                "TrainingCheckpoint: expected data=None or a "
                f"km.data.EpochBatches. Received: {type(data).__name__}. "
                "Wrap arrays in one and give it to `fit` too."
            )
        if save_every_steps is not None and data is None:
            raise ValueError(
                "TrainingCheckpoint: save_every_steps="
                f"{save_every_steps} needs `data=`, the EpochBatches that "
                "`fit` trains on: no other data can start within an epoch."
            )
        for name, number in (
            ("save_every_steps", save_every_steps),
            ("save_every_epochs", save_every_epochs),
            ("keep", keep),
        ):
            if number is not None and number < 1:
                raise ValueError(
                    f"TrainingCheckpoint: expected {name} of at least 1. "
                    f"Received: {number}."
                )
        self.directory = pathlib.Path(directory)
        self.data = data
        self.save_every_steps = save_every_steps
        self.save_every_epochs = save_every_epochs
        self.keep = keep
        self.resume = resume
        self.config = config
        self.verbose = verbose

    def get_state(self) -> dict[str, Any]:
        """Returns nothing: it is stateful only to be registered.

        So the callbacks of an earlier `fit` are told from those of this one
        even where this one has no other stateful callback.
        """
        return {}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._restored: Checkpoint | None = None
        self._is_finished = False
        self._fingerprint: dict[str, Any] | None = None
        self._epoch: int | None = None  # none was begun in this `fit`
        self._first_batch = 0
        self._last_batch_begin = 0
        self._counted_steps = 0
        self._is_due = False
        self._epoch_is_complete = False
        self._check_data_length()
        self._data_prints = None
        if self.data is not None:
            # Every process may have a share of its own of each batch.
            prints = state.gather_processes(self.data.fingerprint())
            self._data_prints = prints[0] if len(prints) == 1 else prints
        if not self.resume and checkpoint_paths(self.directory):
            raise ValueError(
                f"TrainingCheckpoint: resume=False, but {self.directory} has "
                "checkpoints of an earlier run. Remove them, choose another "
                "directory, or pass resume=True."
            )
        found = read_latest_checkpoint(self.directory)
        state.check_processes_found(found and found[1], self.directory)
        if found is not None:
            self._begin_from(*found)

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        self._model._initial_epoch = None
        if self._is_due:
            self._save(epoch, 0)
        self._is_due = False
        self._epoch = epoch
        self._first_batch = 0
        self._last_batch_begin = 0
        if self._restored is not None:
            self._check_epoch(epoch)
            self._first_batch = self._restored.batch
            self._restore(self._restored)
            if self._restored.finished_epochs is not None:
                self.model.reset_metrics()  # it has those of the last epoch
            if self._first_batch == 0:
                self._restored = None
        if self.data is not None:
            self._counted_steps = epoch * len(self.data) + self._first_batch
            self.data.start_at(epoch, self._first_batch)

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        # `self.model` is left alone on most batches: on JAX, reading it moves
        # the whole training state.
        self._last_batch_begin = batch
        if self._restored is not None:
            self._restore(self._restored)
            self._restored = None
        if self._steps_are_due(batch):
            self._save(self._epoch, self._first_batch + batch)

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        seen = self._last_batch_begin + self._model.steps_per_execution
        steps = self.params.get("steps")
        self._epoch_is_complete = (
            steps is None or self._first_batch + seen >= int(steps)
        )
        if not self._epoch_is_complete:
            return
        self._check_data_is_used(epoch)
        every = self.save_every_epochs
        self._is_due = every is not None and (epoch + 1) % every == 0
        if self.data is not None:
            left = len(self.data) - self._first_batch
            self._is_due = self._steps_are_due(left) or self._is_due

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._model._initial_epoch = None
        if self._is_finished:
            # Their own `on_train_begin` may have come after ours.
            state.restore_callbacks(self.model, self._restored)
        elif self._epoch is not None and self._epoch_is_complete:
            self._save(self._epoch + 1, 0, finished_epochs=self._num_epochs)

    @property
    def _num_epochs(self) -> int:
        return self.params["epochs"]

    @property
    def _groups(self) -> tuple[str, ...]:
        # Without data to build them, TensorFlow has no metrics before the
        # first step; at the start of an epoch they are zero anyway.
        if self.data is None:
            return ("model", "optimizer")
        return ("model", "optimizer", "metrics")

    def _begin_from(self, path: pathlib.Path, found: Checkpoint) -> None:
        model = self.model
        batch = None if self.data is None else self.data.batch(found.epoch, 0)
        state.build_for_restoring(model, batch, found.fingerprint)
        state.check_fingerprint(found.fingerprint, self._current(), path)
        state.restore_variables(model, found, self._groups)
        self._restored = found
        self._is_finished = found.epoch >= self._num_epochs or (
            found.finished_epochs is not None
            and found.finished_epochs >= self._num_epochs
        )
        if self._is_finished:
            model._initial_epoch = self._num_epochs
            state.restore_callbacks(model, found)
            self._say(
                f"{found.epoch} epochs were trained ({path.name}) and `fit` "
                f"is asked for {self._num_epochs}: nothing is left to train."
            )
            return
        model._initial_epoch = found.epoch
        place = f"epoch {found.epoch + 1} of {self._num_epochs}"
        if found.batch:
            place += f" after {found.batch} of {len(self.data)} batches"
        self._say(f"going on with {place} ({path.name}).")

    def _restore(self, checkpoint: Checkpoint) -> None:
        model = self.model
        state.restore_variables(model, checkpoint, self._groups)
        state.restore_callbacks(model, checkpoint)

    def _save(
        self, epoch: int, batch: int, finished_epochs: int | None = None
    ) -> None:
        if not state.is_writer():
            return
        model = self.model
        if self._fingerprint is None:
            self._fingerprint = self._current()
        checkpoint = state.capture(
            model, epoch, batch, self._fingerprint, finished_epochs
        )
        write_checkpoint(self.directory, checkpoint, self.keep)

    def _current(self) -> dict[str, Any]:
        return state.fingerprint_of(
            self.model, self._groups, self._data_prints, self.config
        )

    def _steps_are_due(self, batches: int) -> bool:
        """Whether a multiple of `save_every_steps` was reached or passed."""
        every = self.save_every_steps
        if every is None:
            return False
        before = self._counted_steps
        self._counted_steps = (
            self._epoch * len(self.data) + self._first_batch + batches
        )
        return before // every < self._counted_steps // every

    def _check_data_length(self) -> None:
        steps = self.params.get("steps")
        if self.data is not None and steps != len(self.data):
            raise ValueError(
                "TrainingCheckpoint: expected `fit` to train on `data`, "
                f"{len(self.data)} batches in every epoch. Received: {steps} "
                "batches. Pass the same object as `x`, and no "
                "`steps_per_epoch`."
            )

    def _check_epoch(self, epoch: int) -> None:
        if epoch != self._restored.epoch:
            raise ValueError(
                "TrainingCheckpoint: the checkpoint is of epoch "
                f"{self._restored.epoch} (counted from 0), and `fit` begins "
                f"with {epoch}. Leave out `initial_epoch`."
            )

    def _check_data_is_used(self, epoch: int) -> None:
        if self.data is not None and self.data.epoch != epoch + 1:
            raise ValueError(
                "TrainingCheckpoint: expected `fit` to train on `data`, which "
                f"would be at epoch {epoch + 1} now. It is at "
                f"{self.data.epoch}: pass the same object as `x`, and use it "
                "for nothing else during `fit`."
            )

    def _say(self, text: str) -> None:
        if self.verbose and state.is_writer():
            print(f"TrainingCheckpoint: {text}")
