"""Batches whose order is a function of (seed, epoch), for exact resuming."""

import hashlib
import operator
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_moon.api_export import keras_moon_export

# Rows per array that `fingerprint` looks at: all of a small data set, a
# sample of a large one.
_FINGERPRINT_ROWS = 4096


class _EpochLength(int):
    """Batches of a full epoch, that also knows how many the next one has.

    Keras asks a dataset for its length once per `fit` and ends every epoch
    where `steps_seen >= length`. Only an epoch that resumes in its middle is
    shorter than the others, so only that one comparison looks at what is
    left; in all else this is the plain integer.
    """

    def __new__(cls, data: "EpochBatches") -> "_EpochLength":
        length = super().__new__(cls, len(data))
        length._data = data
        return length

    def __le__(self, other: Any) -> bool:
        return self._data.remaining <= other

    def __reduce__(self) -> tuple:
        return int, (int(self),)


@keras_moon_export("data.EpochBatches")
class EpochBatches(keras.utils.PyDataset):
    """Batches of in-memory arrays, in an order decided by (seed, epoch).

    `fit` on arrays, and `fit` on a `PyDataset`, shuffle with global random
    state, which a resumed run cannot reproduce. Here epoch `e` of seed `s`
    always has the same order, on every backend and with every NumPy version,
    and an epoch can start at batch `b`: a run that `TrainingCheckpoint`
    resumes sees exactly the batches that the killed run had not seen.

    Pass it to `fit` as `x`. It advances by one epoch per epoch of `fit`, and
    a second `fit` goes on where the first ended; with a `TrainingCheckpoint`
    that knows it (`data=`), its epoch is that of `fit`.

    While `fit` runs, batches come in this order whatever index Keras asks
    for, because `fit(shuffle=True)`, the default, shuffles the indices of a
    `PyDataset` with global random state. `steps_per_execution` is fine.
    `steps_per_epoch` is not: an epoch is one pass over the data. Give
    evaluation an object of its own.

    Args:
        x: Array, or nested structure of arrays, of shape
            `(num_samples, ...)`.
        y: Targets, likewise. Defaults to `None`: batches without targets.
        batch_size: Samples per batch. Defaults to 32.
        seed: Non-negative integer. Defaults to 0.
        shuffle: Whether to shuffle the samples of each epoch. Defaults to
            `True`; `False` takes them as they are, in every epoch.
        sample_weight: Weights of shape `(num_samples,)`, or a structure of
            them. Defaults to `None`.
        drop_remainder: Whether to leave out the samples (others in each
            epoch) that do not fill a batch. Defaults to `False`. JAX data
            parallelism needs `True`.

    Raises:
        ValueError: If arrays differ in length, an argument is out of range,
            or no full batch is left.
        TypeError: If `batch_size` or `seed` is not an integer.

    Example:

    >>> x = np.arange(5)
    >>> data = km.data.EpochBatches(x, batch_size=2, seed=1)
    >>> len(data)
    3
    >>> [batch[0].tolist() for batch in data.batches(epoch=7)] == [
    ...     batch[0].tolist() for batch in data.batches(epoch=7)
    ... ]
    True
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        sample_weight: Any = None,
        drop_remainder: bool = False,
    ) -> None:
        super().__init__(workers=1)
        if sample_weight is not None and y is None:
            raise ValueError(
                "EpochBatches: `sample_weight` needs `y`. Received: y=None."
            )
        if y is None:
            parts = (x,)
        elif sample_weight is None:
            parts = (x, y)
        else:
            parts = (x, y, sample_weight)
        self._arrays = keras.tree.map_structure(np.asarray, parts)
        self.num_samples = _common_length(self._arrays)
        self.batch_size = _integer("batch_size", batch_size, at_least=1)
        self.seed = _integer("seed", seed, at_least=0)
        self.shuffle = bool(shuffle)
        self.drop_remainder = bool(drop_remainder)
        if len(self) == 0:
            raise ValueError(
                "EpochBatches: expected at least one batch. Received: "
                f"{self.num_samples} samples, batch_size={self.batch_size}, "
                f"drop_remainder={self.drop_remainder}. Lower batch_size."
            )
        self._epoch = 0
        self._first_batch = 0  # where this epoch starts
        self._next_batch = 0  # what `fit` gets next
        self._within_epoch = False
        self._is_newly_adapted = False
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        """Batches of a full epoch."""
        if self.drop_remainder:
            return self.num_samples // self.batch_size
        return -(-self.num_samples // self.batch_size)

    @property
    def epoch(self) -> int:
        """The epoch that runs, or else the one that comes next."""
        return self._epoch

    @property
    def remaining(self) -> int:
        """Batches of `epoch` from the batch on that it starts at."""
        return len(self) - self._first_batch

    def start_at(self, epoch: int, batch: int = 0) -> None:
        """Makes the next epoch be `epoch`, from its batch `batch` on.

        Call it before `fit`, or in a callback's `on_epoch_begin`, and never
        while batches are drawn. The epochs after that are complete. In the
        shortened epoch, callbacks and the progress bar count batches from 0,
        up to `remaining`.

        Args:
            epoch: Index of the epoch, from 0.
            batch: Index of the first batch, below `len(self)`.

        Raises:
            ValueError: If an index is out of range.
        """
        epoch = _integer("epoch", epoch, at_least=0)
        batch = _integer("batch", batch, at_least=0)
        if batch >= len(self):
            raise ValueError(
                "EpochBatches.start_at: expected a batch below "
                f"{len(self)}, the batches of an epoch. Received: {batch}."
            )
        self._epoch = epoch
        self._first_batch = self._next_batch = batch
        self._within_epoch = False

    def order(self, epoch: int) -> np.ndarray:
        """Returns the indices of all samples in the order of `epoch`."""
        if not self.shuffle:
            return np.arange(self.num_samples)
        if self._order is None or self._order[0] != epoch:
            # Raw bits and a stable sort: NumPy promises these streams for
            # good, which it does not for `Generator.permutation`.
            bits = np.random.PCG64(np.random.SeedSequence([self.seed, epoch]))
            keys = bits.random_raw(self.num_samples)
            self._order = epoch, np.argsort(keys, kind="stable")
        return self._order[1]

    def batch(self, epoch: int, index: int) -> tuple:
        """Returns batch `index` of `epoch`: (x,), (x, y) or (x, y, weight)."""
        if not 0 <= index < len(self):
            raise IndexError(
                f"EpochBatches: expected an index below {len(self)}. "
                f"Received: {index}."
            )
        start = index * self.batch_size
        rows = self.order(epoch)[start : start + self.batch_size]
        return keras.tree.map_structure(lambda a: a[rows], self._arrays)

    def batches(self, epoch: int) -> Iterator[tuple]:
        """Yields the batches of `epoch`."""
        for index in range(len(self)):
            yield self.batch(epoch, index)

    def fingerprint(self) -> dict[str, Any]:
        """Returns what must be equal for a run to be resumed on this data.

        Returns:
            A dict that can be written as JSON: the arguments, shapes, and a
            SHA-256 of the content, of 4096 evenly spaced rows if there are
            more.
        """
        digest = hashlib.sha256()
        stride = -(-self.num_samples // _FINGERPRINT_ROWS)
        arrays = keras.tree.flatten(self._arrays)
        for array in arrays:
            digest.update(np.ascontiguousarray(array[::stride]).tobytes())
        return {
            "arrays": [f"{a.shape} {a.dtype}" for a in arrays],
            "content": digest.hexdigest(),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "drop_remainder": self.drop_remainder,
        }

    # What follows is how Keras drives a PyDataset, in this order: `workers`
    # is read once per `fit`; a first batch may be drawn to build the model;
    # `on_epoch_end` rewinds; then every epoch is `on_epoch_begin`, a request
    # per batch, `on_epoch_end`. An epoch that training leaves early has no
    # end. With TensorFlow the requests come ahead of training.

    @property
    def workers(self) -> int:
        """One: with several, the order of requests would be left to chance."""
        self._is_newly_adapted = True
        return 1

    @property
    def num_batches(self) -> int:
        """Batches that `fit` gets in an epoch."""
        if self._within_epoch and self._next_batch == self._first_batch:
            return self.remaining  # asked by the iterator of this epoch
        return _EpochLength(self)

    def __iter__(self) -> Iterator[tuple]:
        return self.batches(self._epoch)

    def __getitem__(self, index: int) -> tuple:
        if not self._within_epoch:
            return self.batch(self._epoch, index)
        if self._next_batch == len(self):  # `steps_per_epoch` crosses epochs
            self._epoch += 1
            self._next_batch = self._first_batch = 0
        self._next_batch += 1
        return self.batch(self._epoch, self._next_batch - 1)

    def on_epoch_begin(self) -> None:
        """Called by Keras. From now on, requests are those of training."""
        self._within_epoch = True

    def on_epoch_end(self) -> None:
        """Called by Keras, and once more before the first epoch."""
        if self._is_newly_adapted or not self._within_epoch:
            self._next_batch = self._first_batch
        elif self._next_batch == len(self):
            self._epoch += 1
            self._next_batch = self._first_batch = 0
        self._within_epoch = self._is_newly_adapted = False


def _integer(name: str, value: Any, at_least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"EpochBatches: expected an integer {name}. Received: {value!r}."
        ) from None
    if number < at_least:
        raise ValueError(
            f"EpochBatches: expected {name} of at least {at_least}. "
            f"Received: {number}."
        )
    return number


def _common_length(arrays: Any) -> int:
    shapes = [array.shape for array in keras.tree.flatten(arrays)]
    lengths = {shape[0] if shape else None for shape in shapes}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(
            "EpochBatches: expected arrays with the same number of samples "
            f"along axis 0. Received shapes: {shapes}."
        )
    return lengths.pop()
