import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.training.checkpoint import run_variables
from keras_moon.training.checkpoint_file import checkpoint_paths
from keras_moon.training.checkpoint_file import read_checkpoint

X = np.random.default_rng(0).normal(size=(44, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 44)


class Tally(km.training.StatefulCallback):
    """Notes every hook that it sees in a run, over all its processes."""

    def __init__(self):
        super().__init__()
        self.text = ""

    def on_train_begin(self, logs=None):
        self.text = ""

    def on_epoch_begin(self, epoch, logs=None):
        self.text += f"E{epoch}"

    def on_train_batch_begin(self, batch, logs=None):
        self.text += "b"

    def on_train_batch_end(self, batch, logs=None):
        self.text += "e"

    def on_epoch_end(self, epoch, logs=None):
        self.text += f"-E{epoch} "

    def get_state(self):
        return {"text": self.text}

    def set_state(self, state):
        self.text = state["text"]


class Crash(keras.callbacks.Callback):
    """Raises at the end of a batch, or at a named hook of an epoch."""

    def __init__(self, epoch, batch=None, hook=None):
        super().__init__()
        self.place = epoch, batch
        self.hook = hook

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise InterruptedError

    def on_epoch_end(self, epoch, logs=None):
        if self.hook == "on_epoch_end" and epoch == self.place[0]:
            raise InterruptedError


def compiled(units=5, steps_per_execution=1):
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(0.4, seed=1),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    return model


def run(
    directory,
    epochs=3,
    extra=(),
    before=True,
    batch_size=4,
    seed=0,
    model=None,
    fit=None,
    **options,
):
    """One call of a user's program; returns (model, history, tally)."""
    model = model or compiled()
    data = km.data.EpochBatches(X, Y, batch_size=batch_size, seed=seed)
    checkpoint = km.callbacks.TrainingCheckpoint(
        directory, **{"data": data, **options}
    )
    tally = Tally()
    callbacks = [checkpoint, tally] if before else [tally, checkpoint]
    history = model.fit(
        data,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, *extra],
        **(fit or {}),
    )
    return model, history, tally


def bits(model):
    return [
        ops.convert_to_numpy(variable.value).tobytes()
        for variables in run_variables(model).values()
        for variable in variables
    ]


def read_all(directory):
    return [read_checkpoint(path) for path in checkpoint_paths(directory)]


def names(directory):
    return [path.stem for path in checkpoint_paths(directory)]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "crash, steps",
    [((1, 6), 4), ((0, 9), 3), ((2, 0), 4), ((1, 7), None), ((1, 10), 11)],
)
def test_an_interrupted_run_goes_on_bitwise(tmp_path, crash, steps, before):
    options = {"save_every_steps": steps, "before": before}
    whole, history, tally = run(tmp_path / "a", **options)
    with pytest.raises(InterruptedError):
        run(tmp_path / "b", extra=[Crash(*crash)], **options)
    resumed, resumed_history, resumed_tally = run(tmp_path / "b", **options)
    assert bits(resumed) == bits(whole)
    assert resumed_tally.text == tally.text
    num_epochs = len(resumed_history.epoch)
    assert 0 < num_epochs <= 3
    for name, values in resumed_history.history.items():
        assert values == history.history[name][-num_epochs:]
    assert names(tmp_path / "a") == names(tmp_path / "b")


@pytest.mark.parametrize("steps_per_execution", [4, 7])
def test_steps_per_execution(tmp_path, steps_per_execution):
    def model():
        return compiled(steps_per_execution=steps_per_execution)

    options = {"save_every_steps": 3, "keep": 100}
    whole, _, _ = run(tmp_path / "a", model=model(), **options)
    crash = Crash(1, 2 * steps_per_execution - 1)
    with pytest.raises(InterruptedError):
        run(tmp_path / "b", model=model(), extra=[crash], **options)
    assert names(tmp_path / "b")[-1] == (
        f"epoch-00001-batch-{steps_per_execution:08d}"
    )
    resumed, _, _ = run(tmp_path / "b", model=model(), **options)
    assert bits(resumed) == bits(whole)
    assert names(tmp_path / "a") == names(tmp_path / "b")


def test_when_checkpoints_are_written(tmp_path):
    """11 batches an epoch: at 4, 8, 12 = 11 + 1, ... and at epoch ends."""
    run(tmp_path, epochs=2, save_every_steps=4, keep=100)
    assert [(c.epoch, c.batch) for c in read_all(tmp_path)] == [
        (0, 4),
        (0, 8),
        (1, 0),
        (1, 1),
        (1, 5),
        (1, 9),
        (2, 0),
    ]


def test_steps_alone(tmp_path):
    """A checkpoint that is due at the last batch comes after the epoch."""
    run(tmp_path, save_every_steps=22, save_every_epochs=None, keep=100)
    assert names(tmp_path) == [
        "epoch-00002-batch-00000000",
        "epoch-00003-batch-00000000",
    ]


def test_every_other_epoch_and_the_last(tmp_path):
    run(tmp_path, epochs=5, save_every_epochs=2, keep=100)
    found = read_all(tmp_path)
    assert [c.epoch for c in found] == [2, 4, 5]
    assert [c.finished_epochs for c in found] == [None, None, 5]


def test_the_state_is_that_of_the_end_of_the_batch(tmp_path):
    """Although the checkpoint stands before the callback that writes."""

    class Mark(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            bias = self.model.layers[-1].bias
            bias.assign(ops.full(bias.shape, float(batch)))

    run(tmp_path, epochs=1, save_every_steps=4, keep=9, extra=[Mark()])
    found = {c.batch: c for c in read_all(tmp_path)}
    for batch in (4, 8):
        values = found[batch].variables["model"]
        biases = [value for value in values if value.shape == (3,)]
        assert biases[0].tolist() == [batch - 1.0] * 3


def test_a_finished_run_trains_nothing(tmp_path, capsys):
    model, _, _ = run(tmp_path, epochs=2)
    capsys.readouterr()
    paths = {p: p.read_bytes() for p in checkpoint_paths(tmp_path)}
    again, history, tally = run(tmp_path, epochs=2)
    assert "2 epochs were trained" in capsys.readouterr().out
    assert history.epoch == []
    assert tally.text.count("-E") == 2
    assert bits(again) == bits(model)
    assert {p: p.read_bytes() for p in checkpoint_paths(tmp_path)} == paths
    _, history, _ = run(tmp_path, epochs=1)
    assert history.epoch == []


def test_more_epochs_go_on(tmp_path, capsys):
    whole, _, _ = run(tmp_path / "a", epochs=3)
    run(tmp_path / "b", epochs=2)
    longer, history, _ = run(tmp_path / "b", epochs=3)
    assert "going on with epoch 3 of 3 (" in capsys.readouterr().out
    assert history.epoch == [2]
    assert bits(longer) == bits(whole)


def test_the_same_model_and_callbacks_can_fit_again(tmp_path):
    whole, _, _ = run(tmp_path / "a", epochs=3)
    model, _, _ = run(tmp_path / "b", epochs=1)
    run(tmp_path / "b", epochs=3, model=model)
    assert bits(model) == bits(whole)
    history = model.fit(X, Y, epochs=1, verbose=0)  # without the callback
    assert history.epoch == [0]


def test_stopped_early_is_finished(tmp_path, capsys):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    run(tmp_path, epochs=5, extra=[Stop()])
    _, history, _ = run(tmp_path, epochs=5, extra=[Stop()])
    assert history.epoch == []
    assert "nothing is left to train" in capsys.readouterr().out
    _, history, _ = run(tmp_path, epochs=6)
    assert history.epoch == [2, 3, 4, 5]


def test_stopped_within_an_epoch_is_not_finished(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 6

    whole, _, _ = run(tmp_path / "a", epochs=2)
    run(tmp_path / "b", epochs=2, save_every_steps=5, extra=[Stop()])
    assert names(tmp_path / "b") == ["epoch-00000-batch-00000005"]
    resumed, history, _ = run(tmp_path / "b", epochs=2, save_every_steps=5)
    assert history.epoch == [0, 1]
    assert bits(resumed) == bits(whole)


def test_without_data_epochs_are_resumed(tmp_path):
    def fit(directory, epochs, extra=()):
        model = compiled()
        checkpoint = km.callbacks.TrainingCheckpoint(directory)
        history = model.fit(
            X,
            Y,
            batch_size=4,
            shuffle=False,
            epochs=epochs,
            verbose=0,
            callbacks=[checkpoint, *extra],
        )
        return model, history

    whole, history = fit(tmp_path / "a", 3)
    with pytest.raises(InterruptedError):
        fit(tmp_path / "b", 3, [Crash(1, 5)])
    resumed, resumed_history = fit(tmp_path / "b", 3)
    assert resumed_history.epoch == [1, 2]
    assert resumed_history.history["loss"] == history.history["loss"][1:]
    assert bits(resumed) == bits(whole)


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    whole, _, _ = run(tmp_path / "a")
    with pytest.raises(InterruptedError):
        run(tmp_path / "b", extra=[Crash(2, 3)])
    last = checkpoint_paths(tmp_path / "b")[-1]
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="epoch-00002.*damaged"):
        resumed, history, _ = run(tmp_path / "b")
    assert history.epoch == [1, 2]
    assert bits(resumed) == bits(whole)


def test_most_batches_leave_the_model_alone(tmp_path, monkeypatch):
    """On JAX, reading `self.model` moves the whole training state."""
    reads = []
    model = keras.callbacks.Callback.model

    def counted(self):
        reads.append(1)
        return model.fget(self)

    kind = km.callbacks.TrainingCheckpoint
    monkeypatch.setattr(kind, "model", property(counted))
    run(tmp_path, epochs=1, save_every_steps=6)
    assert len(reads) <= 4  # twice at batch 6 of 11, twice at the end


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 8}, "data.batch_size: the checkpoint has 4, .* 8"),
        ({"seed": 1}, "data.seed: the checkpoint has 0, this run has 1"),
        ({"config": {"sparsity": 0.9}}, "config.sparsity: .* 0.8, .* 0.9"),
        ({"units": 7}, r"dense/kernel \(6, 5\) .* \(6, 7\)"),
        ({"extra": [Tally()]}, "callbacks.Tally_1: the checkpoint has None"),
        ({"resume": False}, "resume=False, but .* has checkpoints"),
        ({"fit": {"initial_epoch": 2}}, None),
    ],
)
def test_another_run_is_refused(tmp_path, options, message):
    run(tmp_path, epochs=1, config={"sparsity": 0.8})
    kept = {p: p.read_bytes() for p in checkpoint_paths(tmp_path)}
    options = {"config": {"sparsity": 0.8}, **options}
    model = compiled(options.pop("units", 5))
    if message is None:  # `fit` goes on at epoch 1 whatever it was told
        _, history, _ = run(tmp_path, epochs=3, model=model, **options)
        assert history.epoch == [1, 2]
        return
    with pytest.raises(ValueError, match=message):
        run(tmp_path, epochs=3, model=model, **options)
    assert {p: p.read_bytes() for p in checkpoint_paths(tmp_path)} == kept


def test_an_initial_epoch_that_hides_the_checkpoint_is_refused(tmp_path):
    with pytest.raises(InterruptedError):
        run(tmp_path, save_every_steps=2, extra=[Crash(0, 5)])
    with pytest.raises(ValueError, match="of epoch 0 .* begins with 2"):
        run(tmp_path, save_every_steps=2, fit={"initial_epoch": 2})


def test_other_data_in_fit_is_refused(tmp_path):
    data = km.data.EpochBatches(X, Y, batch_size=4)
    other = km.data.EpochBatches(X, Y, batch_size=4)
    checkpoint = km.callbacks.TrainingCheckpoint(tmp_path, data=data)
    with pytest.raises(ValueError, match="11 batches .* Received: 5"):
        compiled().fit(
            data, steps_per_epoch=5, callbacks=[checkpoint], verbose=0
        )
    with pytest.raises(ValueError, match="would be at epoch 1 now. It is at 0"):
        compiled().fit(other, callbacks=[checkpoint], verbose=0)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"data": (X, Y)}, TypeError, "EpochBatches. Received: tuple"),
        ({"save_every_steps": 5}, ValueError, "=5 needs `data=`"),
        ({"save_every_epochs": 0}, ValueError, "save_every_epochs .* 1.*: 0"),
        ({"keep": 0}, ValueError, "keep of at least 1.*: 0"),
    ],
)
def test_refuses(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        km.callbacks.TrainingCheckpoint(tmp_path, **options)


def test_callbacks_of_an_earlier_fit_are_not_saved(tmp_path):
    model, tally = compiled(), Tally()
    model.fit(X, Y, verbose=0, callbacks=[tally])
    checkpoint = km.callbacks.TrainingCheckpoint(tmp_path)
    model.fit(X, Y, verbose=0, callbacks=[checkpoint])
    saved = read_checkpoint(checkpoint_paths(tmp_path)[-1])
    assert "Tally" not in saved.callbacks
    assert tally.text  # Alive all the time.
