import pickle
import warnings

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import keras_moon as km

SLOTS = 200
PINNED = [[0, 4, 7, 1, 5, 6, 3, 2], [0, 6, 2, 1, 3, 7, 4, 5]]


def numbered(num_samples, **options):
    x = np.arange(1, num_samples + 1, dtype="float32")[:, None]
    return km.data.EpochBatches(x, np.zeros_like(x), **options)


def first_samples(batches):
    return [int(batch[0][0, 0]) for batch in batches]


class Recorder(keras.Model):
    """Keeps the first sample of every batch it is trained on."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.count = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False
        )
        self.seen = self.add_weight(
            shape=(SLOTS,), initializer="zeros", trainable=False
        )

    def call(self, x, training=False):
        if training:
            here = ops.one_hot(self.count.value, SLOTS)
            self.seen.assign(self.seen.value + here * x[0, 0])
            self.count.assign(self.count.value + 1)
        return self.dense(x)

    def trained_on(self):
        seen = ops.convert_to_numpy(self.seen.value).astype(int)
        count = int(ops.convert_to_numpy(self.count.value))
        assert not seen[count:].any()
        return seen[:count].tolist()


def recorder(steps_per_execution=1):
    model = Recorder()
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    return model


class Hooks(keras.callbacks.Callback):
    def __init__(self, data):
        super().__init__()
        self.data = data
        self.epochs = []
        self.last_batches = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(self.data.epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.last_batch = batch

    def on_epoch_end(self, epoch, logs=None):
        self.last_batches.append(self.last_batch)


def test_the_order_is_pinned():
    """It must never change: checkpoints of users depend on it."""
    data = km.data.EpochBatches(np.arange(8), batch_size=8, seed=3)
    assert data.order(0).tolist() == PINNED[0]
    assert data.order(1).tolist() == PINNED[1]


@given(
    num_samples=st.integers(1, 40),
    batch_size=st.integers(1, 12),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
    drop_remainder=st.booleans(),
)
def test_an_epoch_is_one_pass(
    num_samples, batch_size, seed, epoch, drop_remainder
):
    if drop_remainder and batch_size > num_samples:
        return
    data = km.data.EpochBatches(
        np.arange(num_samples),
        batch_size=batch_size,
        seed=seed,
        drop_remainder=drop_remainder,
    )
    batches = [batch[0] for batch in data.batches(epoch)]
    seen = np.concatenate(batches).tolist()
    assert len(batches) == len(data)
    assert len(set(seen)) == len(seen)
    if drop_remainder:
        assert {len(batch) for batch in batches} == {batch_size}
        assert len(seen) == num_samples // batch_size * batch_size
    else:
        assert sorted(seen) == list(range(num_samples))


def test_epochs_and_seeds_differ_and_repeat():
    data = km.data.EpochBatches(np.arange(100), seed=1)
    again = km.data.EpochBatches(np.arange(100), seed=1)
    other = km.data.EpochBatches(np.arange(100), seed=2)
    assert not np.array_equal(data.order(0), data.order(1))
    assert not np.array_equal(data.order(0), other.order(0))
    np.testing.assert_array_equal(data.order(1), again.order(1))
    np.testing.assert_array_equal(data.order(0), again.order(0))


def test_without_shuffling_samples_keep_their_order():
    data = km.data.EpochBatches(np.arange(5), batch_size=2, shuffle=False)
    batches = [batch[0].tolist() for batch in data.batches(3)]
    assert batches == [[0, 1], [2, 3], [4]]


def test_parts_and_structures_stay_together():
    x = {"a": np.arange(6), "b": np.arange(12).reshape(6, 2)}
    data = km.data.EpochBatches(
        x, np.arange(6) * 10, batch_size=4, sample_weight=np.arange(6) / 10
    )
    for inputs, targets, weights in data:
        np.testing.assert_array_equal(targets, inputs["a"] * 10)
        np.testing.assert_array_equal(inputs["b"][:, 0], inputs["a"] * 2)
        np.testing.assert_array_equal(weights, inputs["a"] / 10)
    assert len(km.data.EpochBatches(np.arange(3))[0]) == 1


@pytest.mark.parametrize("steps_per_execution", [1, 4, 7])
@pytest.mark.parametrize("start", [(0, 0), (2, 0), (1, 4), (2, 6)])
def test_fit_sees_the_order(steps_per_execution, start):
    """With Keras's default, `shuffle=True`, and without a warning."""
    epochs, length = 3, 7
    data = numbered(33, batch_size=5, seed=8)
    data.start_at(*start)
    hooks = Hooks(data)
    model = recorder(steps_per_execution)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(data, epochs=epochs, verbose=0, callbacks=[hooks])
    first, batch = start
    expected = []
    for epoch in range(first, first + epochs):
        order = first_samples(data.batches(epoch))
        expected += order[batch:] if epoch == first else order
    assert model.trained_on() == expected
    assert hooks.epochs == [first, first + 1, first + 2]
    assert data.epoch == first + epochs

    def last(num_batches):
        groups = -(-num_batches // steps_per_execution)
        return groups * steps_per_execution - 1

    assert hooks.last_batches == [last(length - batch), last(7), last(7)]
    assert hooks.params["steps"] == length


def test_start_at_in_a_callback():
    data = numbered(33, batch_size=5)

    class Start(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            data.start_at(epoch + 10, batch=4 if epoch == 0 else 0)

    model = recorder()
    model.fit(data, epochs=2, verbose=0, callbacks=[Start()])
    expected = first_samples(data.batches(10))[4:]
    assert model.trained_on() == expected + first_samples(data.batches(11))


@pytest.mark.parametrize("num_samples", [4, 12])
def test_a_second_fit_goes_on(num_samples):
    data = numbered(num_samples, batch_size=4)
    model = recorder()
    model.fit(data, epochs=2, verbose=0)
    model.fit(data, epochs=1, verbose=0)
    expected = [s for e in range(3) for s in first_samples(data.batches(e))]
    assert model.trained_on() == expected
    assert data.epoch == 3


def test_an_epoch_that_was_left_is_repeated():
    data = numbered(33, batch_size=5)

    class Leave(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model = recorder()
    model.fit(data, epochs=1, verbose=0, callbacks=[Leave()])
    model.fit(data, epochs=1, verbose=0)
    order = first_samples(data.batches(0))
    assert model.trained_on() == order[:3] + order


def test_evaluation_is_complete_every_time():
    x = np.random.default_rng(0).normal(size=(33, 1)).astype("float32")
    data = km.data.EpochBatches(x, 2 * x, batch_size=5)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    expected = model.evaluate(x, 2 * x, verbose=0)
    for _ in range(2):
        assert model.evaluate(data, verbose=0) == pytest.approx(expected)
    history = model.fit(x, 2 * x, verbose=0, epochs=2, validation_data=data)
    final = model.evaluate(x, 2 * x, verbose=0)
    assert history.history["val_loss"][1] == pytest.approx(final)


def test_its_length_is_a_plain_number():
    data = numbered(33, batch_size=5)
    steps = data.num_batches
    assert (steps, len(data), steps * 2, f"{steps:03d}") == (7, 7, 14, "007")
    copy = pickle.loads(pickle.dumps(steps))
    assert type(copy) is int and copy == 7
    data.start_at(0, batch=4)
    assert data.remaining == 3 and data.num_batches == 7


def test_fingerprints_tell_data_apart():
    x = np.arange(20.0)
    prints = [
        km.data.EpochBatches(x).fingerprint(),
        km.data.EpochBatches(x + 1).fingerprint(),
        km.data.EpochBatches(x[:-1]).fingerprint(),
        km.data.EpochBatches(x.astype("float32")).fingerprint(),
        km.data.EpochBatches(x, x).fingerprint(),
        km.data.EpochBatches(x, batch_size=4).fingerprint(),
        km.data.EpochBatches(x, seed=1).fingerprint(),
        km.data.EpochBatches(x, shuffle=False).fingerprint(),
        km.data.EpochBatches(
            x, batch_size=4, drop_remainder=True
        ).fingerprint(),
    ]
    assert len({str(p) for p in prints}) == len(prints)
    assert prints[0] == km.data.EpochBatches(x.copy()).fingerprint()


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"batch_size": 0}, ValueError, "batch_size of at least 1.*: 0"),
        ({"batch_size": 2.5}, TypeError, "integer batch_size.*2.5"),
        ({"seed": -1}, ValueError, "seed of at least 0.*-1"),
        ({"y": np.zeros(4)}, ValueError, r"same number.*\(5,\), \(4,\)"),
        ({"y": 3.0}, ValueError, r"same number.*\(\)"),
        ({"sample_weight": np.ones(5)}, ValueError, "needs `y`"),
        (
            {"batch_size": 6, "drop_remainder": True},
            ValueError,
            "at least one batch.*5 samples, batch_size=6",
        ),
    ],
)
def test_refuses(options, error, message):
    with pytest.raises(error, match=message):
        km.data.EpochBatches(np.zeros(5), **options)


def test_refuses_places_outside_the_data():
    data = km.data.EpochBatches(np.zeros(5), batch_size=2)
    with pytest.raises(ValueError, match="batch below 3.*Received: 3"):
        data.start_at(0, batch=3)
    with pytest.raises(ValueError, match="epoch of at least 0.*-1"):
        data.start_at(-1)
    with pytest.raises(IndexError, match="index below 3.*Received: 3"):
        data[3]
