"""What the printed summary says."""

import warnings

import keras

import keras_moon as km


def _printed(model):
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        km.summary(model, print_fn=lines.append)
    return "\n".join(lines)


def test_table_shows_layers_shapes_and_totals():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.SeparableConv2D(8, 3, name="separable"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="logits"),
        ],
        name="net",
    )
    text = _printed(km.sparsify(model, 0.5, distribution="uniform"))
    assert "Sparsity of 'net'" in text
    assert "3x3x3x1 + 1x1x3x8" in text
    assert "288x10" in text and "0.5000" in text
    # 27 + 24 + 8 in the convolution, 2880 + 10 in the logits.
    assert "parameters 2,949, of which active 1,497" in text
    assert "mask bits" in text
    assert "FLOPs" in text
    # 36 positions of the convolution, (27 + 12) weights there.
    macs = 36 * (27 + 12) + 1440
    dense = 36 * (27 + 24) + 2880
    assert (
        f"per example {2 * macs:,} FLOPs ({macs:,} MACs), "
        f"{macs / dense:.4f} of dense\n"
    ) in text


def test_totals_say_what_they_leave_out():
    model = keras.Sequential(
        [
            keras.Input((5, 4)),
            keras.layers.LSTM(3, name="lstm"),
            keras.layers.Dense(2, name="out"),
        ]
    )
    text = _printed(model)
    assert (
        "per example 12 FLOPs (6 MACs), 1.0000 of dense, without lstm/lstm_cell"
    ) in text


def test_what_is_left_dense_and_unknown_costs_are_marked():
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            keras.layers.LSTM(3, name="lstm"),
            keras.layers.Dense(2, name="out"),
        ]
    )
    text = _printed(model)
    assert "lstm/lstm_cell (LSTMCell has no sparse counterpart)" in text
    row = next(line for line in text.splitlines() if "out " in line)
    assert "dense" in row and "?" in row
    assert "per example" not in text
