"""The CIFAR ResNet of He et al. 2016 (arXiv 1512.03385, section 4.2)."""

import keras


def small_resnet(
    num_blocks: int = 3, width: int = 16, num_classes: int = 10
) -> keras.Model:
    """Returns a ResNet with `6 * num_blocks + 2` layers on 32x32x3 images."""
    inputs = keras.Input((32, 32, 3))
    x = _convolution(inputs, width, 3, 1)
    for stage in range(3):
        for block in range(num_blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _residual_block(x, width * 2**stage, strides)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes)(x))


def _convolution(x, filters, kernel_size, strides, activation="relu"):
    x = keras.layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False
    )(x)
    x = keras.layers.BatchNormalization()(x)
    return x if activation is None else keras.layers.Activation(activation)(x)


def _residual_block(x, filters, strides):
    shortcut = x
    if strides > 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, 1, strides, activation=None)
    x = _convolution(x, filters, 3, strides)
    x = _convolution(x, filters, 3, 1, activation=None)
    return keras.layers.Activation("relu")(keras.layers.Add()([x, shortcut]))
