import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.training import checkpoint as state

GROUPS = ("model", "optimizer", "metrics")
X = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 12)


def compiled(units=5, optimizer=None, inputs=True, metrics=("accuracy",)):
    layers = [
        keras.layers.Dense(units, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5, seed=1),
        keras.layers.Dense(3),
    ]
    model = keras.Sequential([keras.Input((6,))] * inputs + layers)
    model.compile(
        optimizer or keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=list(metrics),
    )
    return model


def trained(**options):
    model = compiled(**options)
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    return model


def bits(model):
    return {
        group: [ops.convert_to_numpy(v.value).tobytes() for v in variables]
        for group, variables in state.run_variables(model).items()
    }


def print_of(model, data=None, config=None):
    return state.fingerprint_of(model, GROUPS, data, config)


def optimizer(kind):
    if kind == "loss_scale":
        inner = keras.optimizers.SGD(0.01, momentum=0.9)
        return keras.optimizers.LossScaleOptimizer(inner)
    return keras.optimizers.get(kind)


@pytest.mark.parametrize("kind", ["sgd", "adam", "adafactor", "loss_scale"])
@pytest.mark.parametrize("policy", ["float32", "bfloat16", "float16"])
def test_every_variable_comes_back(kind, policy):
    keras.config.set_dtype_policy(policy)
    model = trained(optimizer=optimizer(kind))
    saved = state.capture(model, 2, 0, print_of(model))
    seeds = [v for v in model.variables if "seed" in v.path]
    assert len(seeds) == 1
    other = compiled(optimizer=optimizer(kind))
    state.build_for_restoring(other, (X[:4], Y[:4]), saved.fingerprint)
    state.check_fingerprint(saved.fingerprint, print_of(other), "x.npz")
    assert bits(other) != bits(model)
    state.restore_variables(other, saved, GROUPS)
    assert bits(other) == bits(model)


def test_the_taps_and_masks_of_sparse_layers_come_back():
    def sparse():
        model = km.sparsify(compiled(), sparsity=0.5)
        model.compile(
            "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        return model

    model = sparse()
    model.fit(X, Y, batch_size=4, verbose=0)
    saved = state.capture(model, 1, 0, print_of(model))
    other = sparse()
    state.build_for_restoring(other, (X[:4], Y[:4]), saved.fingerprint)
    state.restore_variables(other, saved, GROUPS)
    kernel = other.layers[0].masked_kernels[0]
    assert np.any(ops.convert_to_numpy(kernel.tap.value))
    assert bits(other) == bits(model)


def test_restoring_twice_gives_the_same():
    """A step in between must not write into the saved arrays."""
    model = trained()
    saved = state.capture(model, 2, 0, print_of(model))
    before = bits(model)
    for _ in range(2):
        model.fit(X, Y, batch_size=4, verbose=0)
        assert bits(model) != before
        state.restore_variables(model, saved, GROUPS)
        assert bits(model) == before


@pytest.mark.parametrize("inputs", [True, False])
def test_building_trains_nothing(inputs):
    saved = print_of(trained(inputs=inputs))
    model = compiled(inputs=inputs)
    before = [ops.convert_to_numpy(v.value) for v in model.variables]
    state.build_for_restoring(model, (X[:4], Y[:4]), saved)
    assert print_of(model) == saved
    after = [ops.convert_to_numpy(v.value) for v in model.variables]
    if inputs:
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)


def test_an_unbuilt_model_needs_data():
    model = compiled(inputs=False)
    with pytest.raises(ValueError, match="not built.*Build it.*`data=`"):
        state.build_for_restoring(model, None, print_of(trained()))


def test_the_fingerprint_survives_json_and_names():
    first, second = trained(), trained()  # dense_1 and dense_3, and so on
    assert first.layers[0].name != second.layers[0].name
    one, other = print_of(first), print_of(second)
    assert one == other == json.loads(json.dumps(one))


def test_the_learning_rate_may_change():
    model = trained()
    before = print_of(model)
    model.optimizer.learning_rate = 0.5
    assert print_of(model) == before


def changed(**options):
    return print_of(trained(**options))


@pytest.mark.parametrize(
    "other, message",
    [
        (
            lambda: changed(units=7),
            r"variables.model\[0\]: the checkpoint has 'sequential/dense/"
            r"kernel \(6, 5\) float32', this run has '.*\(6, 7\)",
        ),
        (
            lambda: changed(optimizer=keras.optimizers.Adam(beta_1=0.5)),
            "optimizer.config.beta_1: the checkpoint has 0.9, .* 0.5",
        ),
        (
            lambda: changed(optimizer=optimizer("loss_scale")),
            "optimizer.class_name: the checkpoint has 'Adam', .*LossScale",
        ),
        (lambda: changed(metrics=()), r"variables.metrics\[2\].*has None"),
        (
            lambda: print_of(trained(), {"batch_size": 4, "seed": 1}),
            "data: the checkpoint has None, this run has {'batch_size'",
        ),
        (
            lambda: print_of(trained(), None, {"sparsity": 0.9}),
            "config: the checkpoint has None, .* {'sparsity': 0.9}",
        ),
    ],
)
def test_differences_are_named(other, message):
    with pytest.raises(ValueError, match=message) as error:
        state.check_fingerprint(changed(), other(), "dir/epoch.npz")
    assert "dir/epoch.npz belongs to another run" in str(error.value)
    assert "another directory" in str(error.value)


def test_differences_of_nested_structures():
    old = {"a": [1, {"b": 2}], "c": 3, "same": [0]}
    new = {"a": [1, {"b": 5}, 4], "d": 3, "same": [0]}
    assert list(state.differences(old, new)) == [
        ("a[1].b", 2, 5),
        ("a[2]", None, 4),
        ("c", 3, None),
        ("d", None, 3),
    ]


def test_many_differences_are_counted():
    old, new = {"a": list(range(20))}, {"a": list(range(1, 21))}
    with pytest.raises(ValueError, match="and 15 more"):
        state.check_fingerprint(old, new, "x")


def test_a_config_of_odd_objects_is_refused():
    with pytest.raises(TypeError, match="numbers, strings.*object object"):
        print_of(trained(), None, {"a": object()})
    found = print_of(trained(), None, {"a": np.int64(3)})
    assert found["config"] == {"a": 3}


def test_one_process_writes():
    assert state.is_writer()


def test_one_process_gathers_itself():
    assert state.gather_processes({"a": [1]}) == [{"a": [1]}]
    state.check_processes_found(None, "dir")


def test_processes_must_find_the_same_checkpoint(monkeypatch):
    """As with folders that are local to each machine."""
    found = ["epoch-00001-batch-00000004.npz", None]
    monkeypatch.setattr(state, "gather_processes", lambda value: found)
    with pytest.raises(ValueError, match=r"dir. They found: .*, None\]"):
        state.check_processes_found(None, "dir")
