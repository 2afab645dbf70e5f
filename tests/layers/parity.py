"""Comparing a sparse layer with its Keras parent on the masked kernel."""

import keras
import numpy as np
from keras import ops


def supports_channels_first():
    """TensorFlow's CPU convolutions are channels-last only."""
    return keras.backend.backend() != "tensorflow"


def data(shape, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def gradients_of(layer, inputs, upstream):
    """Gradients of sum(layer(inputs) * upstream) by variable name.

    Taken by the backend itself, of every trainable variable.
    """
    variables = layer.trainable_variables
    if keras.backend.backend() == "jax":
        import jax

        fixed = [v.value for v in layer.non_trainable_variables]

        def loss(values):
            outputs, _ = layer.stateless_call(values, fixed, inputs)
            return ops.sum(ops.cast(outputs, "float32") * upstream)

        values = jax.grad(loss)([v.value for v in variables])
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            outputs = layer(inputs)
            value = ops.sum(ops.cast(outputs, "float32") * upstream)
        values = tape.gradient(value, [v.value for v in variables])
    return {
        variable.name: array(value)
        for variable, value in zip(variables, values, strict=True)
    }


def parent_of(layer):
    """The Keras class that a sparse layer stands for."""
    return next(
        cls
        for cls in type(layer).__mro__
        if cls.__module__.startswith("keras.")
    )


def twin_of(layer, input_shape):
    """A plain layer with the configuration and weights of a sparse one."""
    config = layer.get_config()
    for key in ("sparsity", "dense_gradient", "rounding", "mask_seed"):
        config.pop(key)
    twin = parent_of(layer).from_config(config)
    twin.build(input_shape)
    for masked in layer.masked_kernels:
        value = array(masked.kernel.value) * array(masked.mask.value)
        getattr(twin, masked.name).assign(value)
    if getattr(layer, "bias", None) is not None:
        twin.bias.assign(layer.bias)
    return twin


def check_parity(layer, input_shape, tolerance=1e-5):
    """Outputs, masked and dense gradients equal those of the parent."""
    inputs = data(input_shape)
    outputs = array(layer(inputs))
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(data(layer.bias.shape, seed=1))
        outputs = array(layer(inputs))
    twin = twin_of(layer, input_shape)
    np.testing.assert_allclose(
        outputs, array(twin(inputs)), rtol=tolerance, atol=tolerance
    )
    shape = layer.compute_output_shape(input_shape)
    assert shape == twin.compute_output_shape(input_shape)

    upstream = data(outputs.shape, seed=2)
    found = gradients_of(layer, inputs, upstream)
    expected = gradients_of(twin, inputs, upstream)
    if "bias" in expected:
        close(found.pop("bias"), expected["bias"], tolerance)
    for masked in layer.masked_kernels:
        mask, dense = array(masked.mask.value), expected[masked.name]
        gradient = found.pop(masked.name)
        close(gradient, dense * mask, tolerance)
        assert not np.any(gradient[mask == 0])
        if masked.tap is not None:
            assert np.any(dense[mask == 0]), "nothing to compare"
            close(found.pop(f"{masked.name}_dense_gradient"), dense, tolerance)
    assert found == {}


def close(found, expected, tolerance):
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(
        found / scale, expected / scale, rtol=0, atol=tolerance
    )


def check_counts(layer, expected):
    """The number of active weights per kernel; zeros stored elsewhere."""
    counts = []
    for masked in layer.masked_kernels:
        mask = array(masked.mask.value)
        counts.append(int(mask.sum()))
        assert masked.target_nonzeros == counts[-1]
        assert not np.any(array(masked.kernel.value)[mask == 0])
    assert counts == list(expected)


def check_config_round_trip(layer, input_shape):
    """A layer made from the configuration has the same masks and outputs."""
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    if not again.built:
        again.build(input_shape)
    for old, new in zip(
        layer.masked_kernels, again.masked_kernels, strict=True
    ):
        np.testing.assert_array_equal(array(old.mask), array(new.mask))


def check_takes_all_arguments(sparse_class, arguments, input_shape):
    """Every constructor argument of the parent arrives there."""
    import inspect

    layer = sparse_class(**arguments, sparsity=0.5)
    parent = parent_of(layer)
    accepted = set(inspect.signature(parent.__init__).parameters)
    untested = accepted - set(arguments) - {"self", "kwargs"} - REFUSED
    assert untested == set()
    plain = parent(**arguments).get_config()
    config = layer.get_config()
    for key in ("sparsity", "dense_gradient", "rounding", "mask_seed"):
        config.pop(key)
    assert config == plain
    layer.build(input_shape)
    check_counts(layer, [m.size - m.size // 2 for m in layer.masked_kernels])


# Low-rank adapters and quantization are refused.
REFUSED = {
    "lora_rank",
    "lora_alpha",
    "quantization_config",
    "gptq_unpacked_column_size",
}

# One value other than the default for what the parents have in common.
COMMON = {
    "activation": "tanh",
    "bias_initializer": "ones",
    "bias_regularizer": "l2",
    "bias_constraint": "non_neg",
    "activity_regularizer": "l2",
    "name": "given",
    "trainable": False,
    "dtype": "float64",
}
KERNEL = {
    "kernel_initializer": "he_normal",
    "kernel_regularizer": "l2",
    "kernel_constraint": "max_norm",
}
