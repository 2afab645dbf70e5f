"""Fixed masks stay, and a training that breaks them is stopped."""

import keras
import numpy as np
import pytest

import keras_moon as km
from tests.training.small_runs import AssertExact
from tests.training.small_runs import classifier
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import fit
from tests.training.small_runs import kernels
from tests.training.small_runs import loss_function
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal


def test_weights_train_and_masks_stay():
    model, exact = compiled_classifier(), AssertExact()
    before, start = masks(model), kernels(model)
    fit(model, [km.callbacks.StaticSparse(), exact])
    assert exact.changes == [] and len(exact.history) == 16
    assert masks_equal(before, masks(model))
    assert not np.array_equal(start["a"], kernels(model)["a"])


def test_beside_a_method_it_only_checks():
    found = []
    for others in ([], [km.callbacks.StaticSparse()]):
        model = compiled_classifier()
        fit(model, [*others, km.callbacks.SET(update_freq=4), AssertExact()])
        found.append(masks(model))
    assert masks_equal(*found)


def test_stored_weights_are_cleaned_at_the_start():
    model = compiled_classifier()
    kernel = model.get_layer("a").kernel
    kernel.assign(np.ones(kernel.shape, "float32"))
    fit(model, [km.callbacks.StaticSparse(), AssertExact()], epochs=1)


def test_optimizers_with_unknown_state_are_welcome():
    class Own(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.own = self.add_optimizer_variables(variables, "own")

    for optimizer in (Own(0.1), keras.optimizers.ScheduleFreeAdamW(0.01)):
        model = compiled_classifier(optimizer)
        fit(model, [km.callbacks.StaticSparse(), AssertExact()], epochs=1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: keras.optimizers.Muon(), "`Muon`.*orthogonalizes"),
        (lambda: keras.optimizers.Adafactor(), "`Adafactor`.*NaN"),
        (lambda: keras.optimizers.SGD(use_ema=True), "use_ema=True"),
    ],
    ids=["muon", "adafactor", "average"],
)
def test_optimizers_that_break_sparse_layers_are_refused(make, message):
    model = compiled_classifier(make())
    with pytest.raises(ValueError, match=message):
        fit(model, km.callbacks.StaticSparse())


def test_adafactor_with_a_larger_epsilon_trains():
    """Whole rows and columns are masked at this sparsity."""
    optimizer = keras.optimizers.Adafactor(0.01, epsilon_1=1e-16)
    model = compiled_classifier(optimizer, sparsity=0.97)
    mask = masks(model)["a"]
    assert (~mask.any(axis=0)).any() and (~mask.any(axis=1)).any()
    history = fit(model, [km.callbacks.StaticSparse(), AssertExact()])
    assert np.isfinite(history.history["loss"]).all()


def test_a_regularizer_that_moves_masked_weights_is_found():
    model = classifier()
    model.get_layer(
        "a"
    ).kernel.regularizer = keras.regularizers.OrthogonalRegularizer(1.0)
    model.compile("sgd", loss_function())
    with pytest.raises(RuntimeError, match="'a' has .* stored weights.*regul"):
        fit(model, km.callbacks.StaticSparse(), epochs=1)


def test_a_mask_that_somebody_changed_is_found():
    class Tamper(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            mask = self.model.get_layer("b").masked_kernels[0].mask
            mask.assign(np.ones(mask.shape, bool))

    with pytest.raises(RuntimeError, match="'b' must have .* Its mask has 48"):
        fit(compiled_classifier(), [km.callbacks.StaticSparse(), Tamper()])


def test_a_dense_model_is_refused():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(3)])
    model.compile("sgd", loss_function())
    with pytest.raises(ValueError, match="StaticSparse expected.*sparse"):
        fit(model, km.callbacks.StaticSparse())
