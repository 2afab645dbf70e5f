"""When the template updates masks, and what it checks around it."""

import warnings

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.callbacks.mask_update import mask_updater_of
from keras_moon.layers.tree import masked_kernels
from tests.training.small_runs import AssertExact
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import data
from tests.training.small_runs import fit
from tests.training.small_runs import loss_function
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal

FLAT = km.sparsity.ConstantDropFraction(0.3)


class CountingSET(km.callbacks.SET):
    """Counts how often each batch hook reads `self.model`."""

    reads = 0

    def __init__(self, **kwargs):
        super().__init__(drop_fraction=FLAT, **kwargs)
        self.reads_per_batch = []
        self.update_steps = []

    @property
    def model(self):
        self.reads += 1
        return super().model

    def on_train_batch_end(self, batch, logs=None):
        before, updates = self.reads, self.updater.num_updates
        super().on_train_batch_end(batch, logs)
        self.reads_per_batch.append(self.reads - before)
        if self.updater.num_updates > updates:
            self.update_steps.append(self.updater.current_step)


def unknown_length(num_batches=5):
    """Batches that start again in every epoch and tell nobody how many."""
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(data()).batch(8)
    return dataset.take(num_batches).filter(lambda x, y: True)


def fit_unknown(model, callback, epochs=3, num_batches=5, **kwargs):
    with warnings.catch_warnings():
        # Keras warns at the end of the first epoch that data has an end.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        return model.fit(
            unknown_length(num_batches),
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[callback],
            **kwargs,
        )


def test_updates_come_after_the_steps_that_the_rule_names():
    callback, exact = CountingSET(update_freq=5, begin_step=3), AssertExact()
    fit(compiled_classifier(), [callback, exact], epochs=3)
    # 24 steps, of which the first 75 % may update.
    assert callback.update_steps == [3, 8, 13, 18] == exact.changes


def test_the_callback_may_stand_after_those_that_look():
    """What others see at a batch is then the state before the update."""
    callback, exact = CountingSET(update_freq=5), AssertExact()
    fit(compiled_classifier(), [exact, callback], epochs=3)
    assert callback.update_steps == [5, 10, 15]
    assert exact.changes == [6, 11, 16]


def test_the_model_is_left_alone_where_nothing_is_due():
    """On JAX each look moves the whole training state."""
    callback = CountingSET(update_freq=4)
    fit(compiled_classifier(), callback, epochs=2)
    due = [reads > 0 for reads in callback.reads_per_batch]
    assert due == [number in (4, 8, 12) for number in range(1, 17)]


@pytest.mark.parametrize("steps_per_execution", [1, 4, 7])
def test_steps_per_execution_keeps_the_number_of_updates(steps_per_execution):
    callback = CountingSET(update_freq=8, stop_fraction=1.0)
    model = compiled_classifier(steps_per_execution=steps_per_execution)
    fit(model, callback, epochs=3)
    assert callback.updater.num_updates == 3
    # 7 makes groups of 7 and 1 in each epoch of 8 batches.
    assert callback.update_steps == [8, 16, 24]
    assert callback.updater.current_step == 24
    assert int(model.optimizer.iterations) == 24


def test_groups_that_divide_the_interval_give_identical_masks():
    found = []
    for steps_per_execution in (1, 4):
        model = compiled_classifier(steps_per_execution=steps_per_execution)
        fit(model, km.callbacks.RigL(update_freq=4), epochs=2)
        found.append(masks(model))
    assert masks_equal(*found)


def test_groups_that_cross_a_step_update_at_their_end():
    callback = CountingSET(update_freq=3, stop_fraction=1.0)
    fit(compiled_classifier(steps_per_execution=4), callback, epochs=2)
    assert callback.update_steps == [4, 8, 12, 16]


def test_initial_epoch_continues_the_schedule():
    callback = CountingSET(update_freq=6)
    fit(compiled_classifier(), callback, epochs=4, initial_epoch=2)
    # Steps 17 to 32 of 32; the last 25 % are quiet.
    assert callback.update_steps == [18, 24]


def test_a_second_fit_starts_the_schedule_again():
    callback, model = CountingSET(update_freq=6), compiled_classifier()
    for _ in range(2):
        callback.update_steps.clear()
        fit(model, callback, epochs=2)
        assert callback.update_steps == [6, 12]
        assert callback.updater.num_updates == 2


def test_data_of_unknown_length_asks_for_stop_step():
    with pytest.raises(ValueError, match="length of the data is unknown.*stop"):
        fit_unknown(compiled_classifier(), km.callbacks.SET(update_freq=2))


@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_data_of_unknown_length_over_several_epochs(steps_per_execution):
    callback = CountingSET(update_freq=4, stop_step=12)
    model = compiled_classifier(steps_per_execution=steps_per_execution)
    fit_unknown(model, callback)
    assert callback.updater.num_updates == 3
    if steps_per_execution == 1:
        assert callback.update_steps == [4, 8, 12]
        assert callback.updater.current_step == 15


def test_unknown_length_starts_again_and_continues():
    model = compiled_classifier()
    callback = CountingSET(update_freq=4, stop_step=12)
    for _ in range(2):
        callback.update_steps.clear()
        fit_unknown(model, callback)
        assert callback.update_steps == [4, 8, 12]
    # With initial_epoch only the optimizer knows how far training is.
    model, late = compiled_classifier(), CountingSET(update_freq=4, stop_step=9)
    fit_unknown(model, CountingSET(update_freq=4, stop_step=12), epochs=1)
    fit_unknown(model, late, initial_epoch=1)
    assert late.update_steps == [8]


def test_steps_that_loss_scaling_skips_do_not_turn_time_back():
    scaled = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), initial_scale=2.0**127
    )
    callback = CountingSET(update_freq=4, stop_step=12)
    keras.config.set_dtype_policy("mixed_float16")
    model = compiled_classifier(scaled)
    fit_unknown(model, callback)
    assert int(model.optimizer.iterations) < 15
    assert callback.update_steps == [4, 8, 12]


def test_accumulated_gradients_count_as_one_step():
    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=3)
    callback, exact = CountingSET(update_freq=2), AssertExact()
    fit(compiled_classifier(optimizer), [callback, exact], epochs=3)
    # 24 batches are 8 steps; updates at 2, 4 and 6.
    assert callback.update_steps == [2, 4, 6]
    assert exact.changes == [6, 12, 18]


def test_training_without_an_update_warns():
    with pytest.warns(UserWarning, match="SET never updated.*step 16.*100"):
        fit(compiled_classifier(), km.callbacks.SET())


def frozen():
    model = compiled_classifier()
    for layer in model.layers:
        layer.trainable = False
    model.compile("sgd", loss_function())
    return model


@pytest.mark.parametrize(
    "arguments, model, message",
    [
        # The only due step is the stop step: the cosine has come to 0.
        ({"update_freq": 8, "stop_step": 8}, None, "1 update: .*was 0"),
        ({"update_freq": 4, "drop_fraction": 0.0}, None, "fraction was 0"),
        ({"update_freq": 4}, frozen, "3 updates: every sparse layer is frozen"),
        (
            {"update_freq": 4, "drop_fraction": 0.02},
            None,
            "less than one connection.*count_rounding='ceil'",
        ),
    ],
    ids=["stop_step", "zero", "frozen", "truncated"],
)
def test_updates_that_all_move_nothing_warn_with_the_cause(
    arguments, model, message
):
    model = compiled_classifier() if model is None else model()
    before = masks(model)
    with pytest.warns(UserWarning, match=f"SET never moved a conn.*{message}"):
        fit(model, km.callbacks.SET(**arguments))
    assert masks_equal(before, masks(model))


def test_updates_that_move_do_not_warn():
    """Also when the last one moves nothing, as the cosine makes it."""
    callback = km.callbacks.SET(update_freq=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(compiled_classifier(), callback)
    assert callback.updater.num_changed > 0 and callback.updater.stillness


@pytest.mark.parametrize(
    "second", [km.callbacks.RigL, km.callbacks.SET], ids=["rigl", "set"]
)
def test_two_methods_in_one_fit_are_refused(second):
    model = compiled_classifier()
    before = masks(model)
    callbacks = [km.callbacks.SET(update_freq=4), second(update_freq=4)]
    with pytest.raises(ValueError, match=r"Only one.*\['SET', '(RigL|SET)'\]"):
        fit(model, callbacks)
    assert masks_equal(before, masks(model))
    # One after the other they may train it.
    for callback in callbacks:
        fit(model, callback)
        assert callback.updater.num_changed > 0


def test_nothing_left_to_train_is_no_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(compiled_classifier(), km.callbacks.SET(), initial_epoch=2)


class Tamper(keras.callbacks.Callback):
    def __init__(self, hook):
        super().__init__()
        setattr(self, hook, self.tamper)

    def tamper(self, *args, **kwargs):
        (_, _, kernel), _ = masked_kernels(self.model)
        mask = np.zeros(kernel.mask.shape, bool)
        kernel.mask.assign(mask)


@pytest.mark.filterwarnings("ignore:SET never updated")
@pytest.mark.parametrize("hook", ["on_epoch_end", "on_epoch_begin"])
def test_a_layer_that_misses_its_count_raises(hook):
    """After our epoch end, only `on_train_end` is left to see it."""
    callback = km.callbacks.SET(update_freq=100, stop_step=100)
    with pytest.raises(RuntimeError, match="'a' must have 44.*Its mask has 0"):
        fit(compiled_classifier(), [callback, Tamper(hook)], epochs=1)


def test_frozen_layers_keep_their_masks():
    model = compiled_classifier()
    model.get_layer("a").trainable = False
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    before = masks(model)
    fit(model, km.callbacks.RigL(update_freq=4))
    after = masks(model)
    np.testing.assert_array_equal(before["a"], after["a"])
    assert not np.array_equal(before["b"], after["b"])


def test_a_method_must_say_what_grows():
    callback = km.callbacks.MaskUpdate(update_freq=2)
    with pytest.raises(NotImplementedError, match="implement `grow_scores"):
        fit(compiled_classifier(), callback)


def test_a_dense_model_is_refused():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="model with sparse layers.*sparsify"):
        model.fit(
            np.ones((8, 12), "float32"),
            np.ones((8, 3), "float32"),
            verbose=0,
            callbacks=[km.callbacks.SET()],
        )


def test_the_arguments_are_the_configuration():
    arguments = {
        "update_freq": 7,
        "drop_fraction": FLAT,
        "stop_fraction": None,
        "begin_step": 2,
        "stop_step": 30,
        "seed": 4,
        "regrow_dropped": False,
        "count_rounding": "ceil",
    }
    assert km.callbacks.SET(**arguments).get_config() == arguments
    assert km.callbacks.RigL().get_config()["stop_fraction"] == 0.75


def test_the_updater_of_the_running_fit_is_found():
    model = compiled_classifier()
    assert mask_updater_of(model) is None
    callback = km.callbacks.SET(update_freq=4)
    fit(model, callback)
    assert mask_updater_of(model) is callback.updater
    fit(model, km.callbacks.SparsityLogger())
    assert mask_updater_of(model) is None


def test_backup_and_restore_restarts_the_epoch(tmp_path):
    """Keras keeps weights and epoch, not the batch nor callback state."""

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (1, 6):
                raise KeyboardInterrupt

    def callbacks():
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        return [CountingSET(update_freq=3), backup]

    first = callbacks()
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_classifier(), [*first, Interrupt()], epochs=3)
    # Step 15 was the 7th of the second epoch.
    assert first[0].update_steps == [3, 6, 9, 12, 15]
    resumed, model = callbacks(), compiled_classifier()
    fit(model, resumed, epochs=3)
    # The second epoch is trained again from its beginning, step 9.
    assert resumed[0].update_steps == [9, 12, 15, 18]
    assert int(model.optimizer.iterations) == 24
