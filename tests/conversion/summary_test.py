"""The summary's figures against counts by hand."""

import json

import keras
import numpy as np
import pytest

import keras_moon as km
from tests.conversion import models


def _model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.SeparableConv2D(8, 3, name="separable"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, name="logits"),
        ],
        name="net",
    )


def test_rows_and_totals_by_hand():
    sparse = km.sparsify(_model(), sparsity=0.5, distribution="uniform")
    result = km.summary(sparse, print_fn=None)
    rows = {row.name: row for row in result.rows}
    assert list(rows) == ["conv", "separable", "logits"]
    assert rows["conv"].shape == (3, 3, 3, 4)
    assert rows["conv"].nonzeros == 54
    assert rows["conv"].macs == 36 * 54
    # The depthwise kernel stays dense: 36 of 36, and 16 of 32.
    assert rows["separable"].shape == ((3, 3, 4, 1), (1, 1, 4, 8))
    assert rows["separable"].nonzeros == 36 + 16
    assert rows["separable"].macs == 16 * (36 + 16)
    assert rows["logits"].density == 0.5
    biases_and_norm = 4 + 16 + 8 + 10
    assert result.parameters == 108 + 36 + 32 + 80 + biases_and_norm
    assert result.nonzeros == 54 + 52 + 40 + biases_and_norm
    assert result.density == (54 + 52 + 40) / (108 + 68 + 80)
    assert result.macs == 36 * 54 + 16 * 52 + 40
    assert result.dense_macs == 36 * 108 + 16 * 68 + 80
    assert rows["conv"].flops == 2 * 36 * 54
    assert rows["conv"].dense_flops == 2 * 36 * 108
    assert result.flops == 2 * result.macs
    assert result.dense_flops == 2 * result.dense_macs
    assert result.unknown_macs == ()
    assert result.mask_values == 108 + 68 + 80
    assert result.tap_values == 108 + 32 + 80
    assert result.dense_bytes == 4 * result.parameters


def test_sparse_bytes_are_values_and_bitmasks():
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(10)])
    result = km.summary(km.sparsify(model, sparsity=0.9), print_fn=None)
    # 16 values of 4 bytes, 160 bits of mask, 10 biases.
    assert result.sparse_bytes == 16 * 4 + 20 + 40


def test_dense_stripped_and_sparse_models_agree():
    dense = _model()
    sparse = km.sparsify(dense, sparsity=0.8)
    plain = km.summary(km.strip(sparse), print_fn=None)
    masked = km.summary(sparse, print_fn=None)
    assert plain.parameters == masked.parameters == dense.count_params()
    assert plain.nonzeros == masked.nonzeros
    assert plain.macs == masked.macs
    assert (plain.mask_values, plain.tap_values, plain.density) == (0, 0, 1.0)


def test_layers_without_a_sparse_counterpart_say_why():
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Embedding(7, 4, name="embedding"),
            keras.layers.LSTM(3, name="lstm"),
            keras.layers.Dense(2, name="out"),
        ]
    )
    result = km.summary(model, print_fn=None)
    notes = {row.name: row.note for row in result.rows}
    assert notes["embedding"] == "Embedding has no sparse counterpart"
    assert notes["lstm/lstm_cell"] == "LSTMCell has no sparse counterpart"
    assert notes["out"] == ""


def test_totals_name_the_layers_that_they_leave_out():
    model = keras.Sequential(
        [
            keras.Input((5, 4)),
            keras.layers.LSTM(3, name="lstm"),
            keras.layers.Dense(2, name="out"),
        ]
    )
    result = km.summary(model, print_fn=None)
    assert result.unknown_macs == ("lstm/lstm_cell",)
    assert (result.macs, result.dense_macs) == (6, 6)
    assert (result.flops, result.dense_flops) == (12, 12)
    cell = result.rows[0]
    assert (cell.macs, cell.flops, cell.dense_flops) == (None, None, None)


def test_nothing_known_has_no_totals():
    model = keras.Sequential(
        [keras.Input((None, 4)), keras.layers.Dense(2, name="out")]
    )
    with pytest.warns(UserWarning, match="not fully known"):
        result = km.summary(model, print_fn=None)
    assert result.unknown_macs == ("out",)
    assert (result.macs, result.dense_macs) == (None, None)
    assert (result.flops, result.dense_flops) == (None, None)


def test_as_dict_survives_json():
    result = km.summary(_model(), print_fn=None)
    restored = json.loads(json.dumps(result.as_dict()))
    assert restored["parameters"] == result.parameters
    assert restored["rows"][0]["name"] == "conv"


def test_half_precision_kernels_count_two_bytes():
    for dtype in ("float16", "bfloat16"):
        layer = keras.layers.Dense(4, dtype=dtype)
        model = keras.Sequential([keras.Input((8,), dtype=dtype), layer])
        result = km.summary(model, print_fn=None)
        assert result.dense_bytes == 2 * 36


def test_subclassed_model_knows_its_first_input():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = keras.layers.Dense(3, name="out")

        def call(self, x):
            return self.out(x)

    model = Net()
    model(np.zeros((2, 4), "float32"))
    assert km.summary(model, print_fn=None).macs == 12


def test_unbuilt_model_is_an_error():
    model = keras.Sequential([keras.layers.Dense(2)], name="late")
    with pytest.raises(ValueError, match="built model. Received: 'late'"):
        km.summary(model)


def test_prints_one_table():
    lines = []
    km.summary(_model(), print_fn=lines.append)
    assert len(lines) == 1 and "net" in lines[0]


def test_copies_of_subclassed_models_know_their_cost(tmp_path):
    model = models.registered()
    expected = km.summary(model, print_fn=None).macs
    assert expected
    sparse = km.sparsify(model, sparsity=0.5)
    sparse.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for copied in (sparse, km.strip(sparse), loaded):
        found = km.summary(copied, print_fn=None)
        assert found.dense_macs == expected
        assert found.macs <= expected
