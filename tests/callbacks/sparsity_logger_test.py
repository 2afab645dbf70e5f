"""What the logger writes, counted by hand from the masks."""

import csv

import keras
import numpy as np
import pytest

import keras_moon as km
from tests.training.small_runs import AssertExact
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import fit
from tests.training.small_runs import masks

NAMES = ("density", "changed_connections", "explored_fraction")
EPOCHS = 4


@pytest.fixture(scope="module", params=[km.callbacks.RigL, km.callbacks.SET])
def trained(request, tmp_path_factory):
    """A training, the masks at its beginning and after every batch."""
    keras.utils.clear_session(free_memory=False)
    path = tmp_path_factory.mktemp("logs") / "history.csv"
    model, exact = compiled_classifier(), AssertExact()
    start = masks(model)
    history = fit(
        model,
        [
            request.param(update_freq=3),
            exact,
            km.callbacks.SparsityLogger(),
            keras.callbacks.CSVLogger(str(path)),
        ],
        epochs=EPOCHS,
    )
    return start, exact.history, history.history, path


def test_density_is_active_over_all_weights(trained):
    start, _, logs, _ = trained
    active = sum(int(mask.sum()) for mask in start.values())
    assert logs["density"] == [active / 240] * EPOCHS


def test_changed_connections_are_those_that_grew_in_the_epoch(trained):
    start, after, logs, _ = trained
    expected = [0] * EPOCHS
    for number, (before, now) in enumerate(
        zip([start, *after[:-1]], after, strict=True)
    ):
        expected[number // 8] += sum(
            int((now[path] & ~before[path]).sum()) for path in now
        )
    assert logs["changed_connections"] == expected
    # Updates end at 75 %: at step 24 of 32.
    assert min(expected[:2]) > 0 and expected[3] == 0


def test_explored_fraction_is_the_union_of_all_masks(trained):
    start, after, logs, _ = trained
    ever = {path: mask.copy() for path, mask in start.items()}
    expected = []
    for number, now in enumerate(after, start=1):
        for path in ever:
            ever[path] |= now[path]
        if number % 8 == 0:
            expected.append(sum(int(m.sum()) for m in ever.values()) / 240)
    assert logs["explored_fraction"] == expected
    assert expected[-1] > expected[0] > logs["density"][0]


def test_the_csv_logger_behind_it_has_the_columns(trained):
    _, _, logs, path = trained
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for name in NAMES:
        assert [float(row[name]) for row in rows] == logs[name]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="The TensorBoard callback of Keras writes with TensorFlow",
)
def test_tensorboard_behind_it_writes_the_scalars(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.util import tensor_util

    history = fit(
        compiled_classifier(),
        [
            km.callbacks.SET(update_freq=3),
            km.callbacks.SparsityLogger(),
            keras.callbacks.TensorBoard(str(tmp_path), write_graph=False),
        ],
        epochs=EPOCHS,
    )
    events = event_accumulator.EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    for name in NAMES:
        found = events.Tensors(f"epoch_{name}")
        assert [event.step for event in found] == list(range(EPOCHS))
        np.testing.assert_allclose(
            [
                float(tensor_util.make_ndarray(event.tensor_proto))
                for event in found
            ],
            history.history[name],
            rtol=1e-6,
        )
    assert history.history["changed_connections"][0] > 0


def test_without_a_method_nothing_moves():
    history = fit(compiled_classifier(), km.callbacks.SparsityLogger())
    logs = history.history
    assert logs["changed_connections"] == [0, 0]
    assert (
        logs["explored_fraction"] == logs["density"] == [logs["density"][0]] * 2
    )


def test_its_place_before_the_method_is_as_good():
    found = []
    for first in (True, False):
        callbacks = [km.callbacks.SET(update_freq=4)]
        callbacks.insert(0 if first else 1, km.callbacks.SparsityLogger())
        history = fit(compiled_classifier(), callbacks, epochs=3)
        found.append({name: history.history[name] for name in NAMES})
    assert found[0] == found[1]


def test_a_second_fit_counts_anew():
    model = compiled_classifier()
    callbacks = [km.callbacks.SET(update_freq=4), km.callbacks.SparsityLogger()]
    first = fit(model, callbacks).history
    second = fit(model, callbacks).history
    assert first["changed_connections"][0] > 0
    assert second["changed_connections"][0] > 0
    density = first["density"][0]
    moved = second["changed_connections"][0] / 240
    # What was explored in the first `fit` is forgotten.
    assert density < second["explored_fraction"][0] <= density + moved


def test_it_has_no_hook_for_batches():
    """So it cannot cost anything there: on JAX a look at the model does."""
    base = keras.callbacks.Callback
    for hook in ("on_train_batch_begin", "on_train_batch_end"):
        logger = getattr(km.callbacks.SparsityLogger, hook)
        assert logger is getattr(base, hook)


def test_state_round_trip():
    logger, other = km.callbacks.SparsityLogger(), km.callbacks.SparsityLogger()
    fit(compiled_classifier(), [km.callbacks.SET(update_freq=4), logger])
    other.set_state(logger.get_state())
    assert other.get_state() == logger.get_state()
    assert logger.get_state()["changed_before"] > 0


def test_a_dense_model_is_refused():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    x = np.ones((8, 12), "float32")
    with pytest.raises(ValueError, match="SparsityLogger expected.*sparse"):
        model.fit(
            x, x[:, :3], verbose=0, callbacks=[km.callbacks.SparsityLogger()]
        )
