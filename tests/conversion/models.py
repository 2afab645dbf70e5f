"""Small models of every kind that Keras users write."""

import keras
from keras import layers
from keras import ops

from tests.layers.parity import data


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=7),
            layers.Flatten(),
            layers.Dense(5, name="logits"),
        ]
    )


def functional():
    inputs = keras.Input((8, 8, 3))
    x = layers.SeparableConv2D(4, 3, name="separable")(inputs)
    y = layers.DepthwiseConv2D(3, name="depthwise")(inputs)
    x = layers.Concatenate()([x, y * 2.0])
    x = layers.Lambda(lambda x: ops.tanh(x) + SHIFT)(x)
    x = layers.Conv2DTranspose(3, 2, strides=2, name="up")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5, name="logits")(x))


SHIFT = 0.25  # A global name that the lambda refers to.


def nested():
    block = keras.Sequential(
        [keras.Input((6,)), layers.Dense(6, name="a")], name="block"
    )
    inputs = keras.Input((6,))
    x = block(inputs)
    x = block(layers.Dense(6, name="b")(x))
    middle = keras.Model(inputs, x, name="middle")
    return keras.Sequential(
        [keras.Input((6,)), middle, layers.Dense(2, name="c")], name="outer"
    )


def shared():
    inputs = keras.Input((6,))
    layer = layers.Dense(6, name="twice")
    return keras.Model(inputs, layer(ops.relu(layer(inputs))))


class Bare(keras.Model):
    """No `**kwargs`, no `get_config`; layers in attribute, list and dict."""

    def __init__(self, units=6):
        super().__init__()
        self.first = layers.Dense(units)
        self.many = [layers.Dense(units) for _ in range(2)]
        self.heads = {"out": layers.Dense(2)}

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.many:
            x = ops.relu(layer(x))
        return self.heads["out"](x)


@keras.saving.register_keras_serializable("tests")
class Registered(Bare):
    def __init__(self, units=6, **kwargs):
        keras.Model.__init__(self, **kwargs)
        self.first = layers.Dense(units)
        self.many = [layers.Dense(units) for _ in range(2)]
        self.heads = {"out": layers.Dense(2)}


class NoConfig(Bare):
    """Keras cannot clone it: its argument cannot be serialized."""

    def __init__(self, something):
        super().__init__()
        self.something = something


class OwnStep(keras.Model):
    """The functional constructor, and a method of its own."""

    def answer(self):
        return 42


@keras.saving.register_keras_serializable("tests")
class Block(layers.Layer):
    """A composite with a `build` method."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units)

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs)


@keras.saving.register_keras_serializable("tests")
class Gate(layers.Layer):
    """A composite without `build`, with two arguments."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.left = layers.Dense(units)
        self.right = [layers.Dense(units)]

    def call(self, inputs, context=None):
        return self.left(inputs) * ops.sigmoid(self.right[0](context))


def built(model, shape):
    model(data((1, *shape)))
    return model


def subclassed():
    return built(Bare(), (6,))


def registered():
    return built(Registered(name="registered"), (6,))


def no_config():
    return built(NoConfig(object()), (6,))


def own_step():
    inputs = keras.Input((6,))
    return OwnStep(inputs, layers.Dense(3, name="out")(inputs))


def composites():
    inputs = keras.Input((6,))
    x = Block(5, name="block")(inputs)
    x = Gate(4, name="gate")(x, context=inputs)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


def attention():
    inputs = keras.Input((4, 6))
    x = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs)
    x = layers.LayerNormalization()(x + inputs)
    x = layers.GroupQueryAttention(4, 2, 1, name="grouped")(x, x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


def time_distributed():
    inputs = keras.Input((4, 6))
    x = layers.TimeDistributed(layers.Dense(5, name="in"), name="each")(inputs)
    return keras.Model(inputs, layers.Conv1D(2, 3, name="out")(x))


# Name: maker, input shape, paths that become sparse, whether in place.
# The automatic names depend on no other test: each starts Keras's counters.
ATTENTION = ("query", "key", "value", "attention_output")
ZOO = {
    "sequential": (sequential, (8, 8, 3), ["conv", "logits"], False),
    "functional": (
        functional,
        (8, 8, 3),
        ["separable/pointwise_kernel", "up", "logits"],
        False,
    ),
    "nested": (nested, (6,), ["middle/block/a", "middle/b", "c"], False),
    "shared": (shared, (6,), ["twice"], False),
    "subclassed": (
        subclassed,
        (6,),
        ["dense", "dense_1", "dense_2", "dense_3"],
        False,
    ),
    "registered": (
        registered,
        (6,),
        ["dense", "dense_1", "dense_2", "dense_3"],
        False,
    ),
    "no_config": (
        no_config,
        (6,),
        ["dense", "dense_1", "dense_2", "dense_3"],
        True,
    ),
    "own_step": (own_step, (6,), ["out"], False),
    "composites": (
        composites,
        (6,),
        ["block/dense", "gate/dense_1", "gate/dense_2", "out"],
        False,
    ),
    "attention": (
        attention,
        (4, 6),
        [f"{a}/{p}" for a in ("attention", "grouped") for p in ATTENTION]
        + ["out"],
        False,
    ),
    "time_distributed": (time_distributed, (4, 6), ["each/in", "out"], False),
}
