import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import kernel_bytes
from keras_moon.sparsity import layer_flops
from keras_moon.sparsity import layer_macs
from keras_moon.sparsity import num_positions


def loop_macs(inputs, kernel_hits):
    """Sums, over the input values, the kernel weights each one meets."""
    return int(sum(kernel_hits(index) for index in np.ndindex(*inputs)))


class TestNumPositions:
    @pytest.mark.parametrize(
        ("kind", "input_shape", "output_shape", "options", "expected"),
        [
            ("Dense", (None, 8), (None, 3), {}, 1),
            ("Dense", (None, 5, 8), (None, 5, 3), {}, 5),
            ("Dense", (2, 4, 5, 8), (2, 4, 5, 3), {}, 20),
            ("Conv1D", (None, 9, 2), (None, 7, 4), {}, 7),
            ("Conv2D", (None, 9, 8, 2), (None, 7, 6, 4), {}, 42),
            ("Conv3D", (None, 9, 8, 7, 2), (None, 7, 6, 5, 4), {}, 210),
            ("DepthwiseConv1D", (None, 9, 2), (None, 7, 2), {}, 7),
            ("DepthwiseConv2D", (None, 9, 8, 2), (None, 7, 6, 2), {}, 42),
            ("SeparableConv1D", (None, 9, 2), (None, 7, 5), {}, 7),
            ("SeparableConv2D", (None, 9, 8, 2), (None, 7, 6, 5), {}, 42),
            ("Conv1DTranspose", (None, 9, 2), (None, 18, 4), {}, 9),
            ("Conv2DTranspose", (None, 9, 8, 2), (None, 18, 16, 4), {}, 72),
            (
                "Conv3DTranspose",
                (None, 2, 3, 4, 2),
                (None, 4, 6, 8, 3),
                {},
                24,
            ),
            (
                "Conv2D",
                (None, 2, 9, 8),
                (None, 4, 7, 6),
                {"data_format": "channels_first"},
                42,
            ),
            (
                "Conv2DTranspose",
                (None, 2, 9, 8),
                (None, 4, 18, 16),
                {"data_format": "channels_first"},
                72,
            ),
        ],
    )
    def test_table(self, kind, input_shape, output_shape, options, expected):
        assert (
            num_positions(kind, input_shape, output_shape, **options)
            == expected
        )

    @pytest.mark.parametrize(
        ("equation", "input_shape", "expected"),
        [
            ("ab,bc->ac", (None, 8), 1),
            ("abc,cd->abd", (None, 7, 8), 7),
            ("abc, cde -> abde", (None, 7, 8), 7),
            # Attention's output projection contracts two axes.
            ("abcd,cde->abe", (None, 7, 2, 4), 7),
            ("...x,xy->...y", (None, 3, 5, 8), 15),
            ("...x,xy->...y", (None, 8), 1),
            ("a...c,cd->a...d", (None, 3, 5, 8), 15),
            # One matrix per position: every weight is used once.
            ("abc,bcd->abd", (None, 7, 8), 1),
            # "b" is summed without a kernel axis: still one product each.
            ("abc,cd->ad", (None, 7, 8), 7),
        ],
    )
    def test_einsum(self, equation, input_shape, expected):
        assert (
            num_positions("EinsumDense", input_shape, (), equation=equation)
            == expected
        )

    def test_only_the_axes_that_decide_must_be_known(self):
        unknown = (None, None, None, 3)
        known = (None, 4, 5, None)
        assert num_positions("Conv2D", unknown, known) == 20
        assert num_positions("Conv2DTranspose", known, unknown) == 20
        assert (
            num_positions(
                "EinsumDense", (None, 7, None), (), equation="abc,cd->abd"
            )
            == 7
        )

    @pytest.mark.parametrize(
        ("kind", "input_shape", "output_shape", "equation", "message"),
        [
            ("Conv2D", (), (None, None, 5, 3), None, "`output_shape`.*size"),
            ("Dense", (), (None, None, 3), None, "`output_shape` of a Dense"),
            (
                "Conv2DTranspose",
                (None, None, 5, 3),
                (None, 4, 5, 3),
                None,
                "`input_shape`.*size",
            ),
            (
                "EinsumDense",
                (None, None, 8),
                (),
                "abc,cd->abd",
                r"`input_shape` of a EinsumDense.*\(None, None, 8\)",
            ),
        ],
    )
    def test_unknown_size(
        self, kind, input_shape, output_shape, equation, message
    ):
        with pytest.raises(ValueError, match=message):
            num_positions(kind, input_shape, output_shape, equation=equation)

    def test_unknown_kind(self):
        with pytest.raises(ValueError, match="'Dense', .*'LSTM'"):
            num_positions("LSTM", (None, 3, 4), (None, 5))

    @pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
    def test_wrong_number_of_axes(self, kind):
        with pytest.raises(
            ValueError, match=rf"{kind} must have 4 axes .*\(None, 5, 3\)"
        ):
            num_positions(kind, (None, 5, 3), (None, 5, 3))

    def test_unknown_data_format(self):
        with pytest.raises(ValueError, match="'channels_middle' for a Conv1D"):
            num_positions(
                "Conv1D", (None, 5, 3), (None, 5, 3), "channels_middle"
            )

    @pytest.mark.parametrize(
        ("equation", "message"),
        [
            (None, "needs its `equation`"),
            ("ab->ab", "two operands.*'ab->ab'"),
            ("ab,bc", "two operands.*'ab,bc'"),
            ("abcd,de->abce", r"name the axes.*\(None, 7, 8\)"),
            ("ab,bc->ac", r"name the axes.*\(None, 7, 8\)"),
        ],
    )
    def test_equation(self, equation, message):
        with pytest.raises(ValueError, match=message):
            num_positions("EinsumDense", (None, 7, 8), (), equation=equation)


class TestLayerMacs:
    def test_convolution_counts_each_product_once(self):
        # Windows that lie inside a 6x5 image, one by one.
        rng = np.random.default_rng(0)
        kernel = rng.normal(size=(3, 2, 4, 5)) * (
            rng.random((3, 2, 4, 5)) < 0.3
        )
        products = sum(
            np.count_nonzero(kernel) for _ in range(6 - 2) for _ in range(5 - 1)
        )
        assert (
            layer_macs(
                "Conv2D",
                np.count_nonzero(kernel),
                (None, 6, 5, 4),
                (None, 4, 4, 5),
            )
            == products
        )

    @pytest.mark.parametrize(
        ("layer", "input_shape"),
        [
            (lambda: keras.layers.Dense(3), (2, 4)),
            (lambda: keras.layers.Conv1D(3, 2, strides=2), (7, 2)),
            (lambda: keras.layers.Conv2D(4, 3, groups=2), (5, 6, 2)),
            (lambda: keras.layers.Conv2D(2, 2, dilation_rate=2), (5, 6, 2)),
            (lambda: keras.layers.Conv3D(2, 2), (3, 4, 3, 2)),
            (
                lambda: keras.layers.DepthwiseConv2D(2, depth_multiplier=2),
                (4, 5, 3),
            ),
            (
                lambda: keras.layers.EinsumDense("abc,cde->abde", (3, 2, 5)),
                (3, 4),
            ),
            (
                lambda: keras.layers.EinsumDense("...x,xy->...y", 5),
                (3, 4),
            ),
            (
                lambda: keras.layers.Conv1DTranspose(3, 2, strides=2),
                (4, 2),
            ),
            (
                lambda: keras.layers.Conv2DTranspose(3, 3, strides=2),
                (3, 4, 2),
            ),
        ],
    )
    def test_against_the_layer_itself(self, layer, input_shape):
        # With all inputs, weights and the kernel set to 1, the outputs add
        # up to the number of products.
        layer = layer()
        layer.build((None, *input_shape))
        kernel = layer.kernel
        kernel.assign(keras.ops.ones(kernel.shape))
        outputs = layer(keras.ops.ones((1, *input_shape)))
        products = int(keras.ops.convert_to_numpy(outputs).sum())
        options = {}
        if isinstance(layer, keras.layers.EinsumDense):
            options["equation"] = layer.equation
        macs = layer_macs(
            type(layer).__name__,
            int(np.prod(kernel.shape)),
            (None, *input_shape),
            (None, *outputs.shape[1:]),
            **options,
        )
        assert macs == products > 0

    def test_separable_convolution_has_two_kernels(self):
        # Depthwise 3*3*4*2 weights, pointwise 8*5, at 16 positions.
        shapes = (None, 6, 6, 4), (None, 4, 4, 5)
        assert layer_macs("SeparableConv2D", (72, 40), *shapes) == 112 * 16
        assert layer_macs("SeparableConv2D", [7, 4], *shapes) == 11 * 16
        assert (
            layer_macs("SeparableConv2D", np.array([7, 4]), *shapes) == 11 * 16
        )

    def test_numpy_counts(self):
        macs = layer_macs("Dense", np.int64(12), (None, 4), (None, 3))
        assert macs == 12
        assert type(macs) is int

    def test_negative_count(self):
        with pytest.raises(ValueError, match="negative.*-1 for a Dense"):
            layer_macs("Dense", -1, (None, 4), (None, 3))


class TestLayerFlops:
    def test_hand_computed(self):
        # 10 outputs of 64 products: 640 products, 630 additions.
        assert layer_flops(640) == 1280
        assert layer_flops(640, 10) == 1270
        assert layer_flops(640, 10, use_bias=True) == 1280
        assert layer_flops(640, 10, use_activation=True) == 1280
        assert layer_flops(640, 10, True, True) == 1290

    def test_outputs_without_connections(self):
        assert layer_flops(0, 10) == 0
        assert layer_flops(4, 10) == 4

    @pytest.mark.parametrize("arguments", [(-1,), (5, -2)])
    def test_negative(self, arguments):
        with pytest.raises(ValueError, match=f"negative.*{arguments[-1]}"):
            layer_flops(*arguments)

    @pytest.mark.parametrize("option", ["use_bias", "use_activation"])
    def test_bias_needs_outputs(self, option):
        with pytest.raises(ValueError, match=f"num_outputs=0.*{option}=True"):
            layer_flops(5, **{option: True})


class TestKernelBytes:
    @pytest.mark.parametrize(
        ("size", "nonzeros", "bits", "expected"),
        [
            (10, 10, 32, 40),
            (10, 9, 32, 38),  # 288 + 10 bits = 37.25 bytes
            (64, 1, 32, 12),
            (64, 0, 32, 8),
            (64, 64, 8, 64),
            (64, 32, 8, 40),
            (64, 33, 1, 13),  # 33 + 64 bits
        ],
    )
    def test_hand_computed(self, size, nonzeros, bits, expected):
        assert kernel_bytes(size, nonzeros, bits) == expected

    @given(st.integers(1, 10**6), st.data())
    def test_one_bit_of_mask_per_weight(self, size, data):
        nonzeros = data.draw(st.integers(0, size - 1))
        stored = kernel_bytes(size, nonzeros)
        assert 0 <= 8 * stored - 32 * nonzeros - size < 8

    @pytest.mark.parametrize("arguments", [(0, 0), (4, 5), (4, -1), (4, 2, 0)])
    def test_out_of_range(self, arguments):
        with pytest.raises(ValueError, match=f"size={arguments[0]}"):
            kernel_bytes(*arguments)
