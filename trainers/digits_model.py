"""The convolutional network for images of 8 x 8 pixels."""

import keras

from flags import ModelConfig

# Up to one of eight pixels and ten degrees: what handwriting does.
_SHIFT_FRACTION = 0.125
_TURN_FRACTION = 10 / 360


def build_digits_model(
    config: ModelConfig,
    image_shape: tuple[int, ...],
    num_classes: int,
    seed: int,
) -> keras.Model:
    """Returns an uncompiled network that maps images to logits.

    Augmentation and dropout are layers of the network, so that their random
    states are saved with it; both are off outside of training.

    Args:
        config: Width and dropout.
        image_shape: (height, width, channels), pixels in [0, 1].
        num_classes: Number of outputs.
        seed: Seed of the initial weights, the augmentation and the dropout.
    """
    seeds = iter(range(1000 * seed, 1000 * (seed + 1)))
    layers = [
        keras.layers.RandomTranslation(
            _SHIFT_FRACTION,
            _SHIFT_FRACTION,
            fill_mode="constant",
            seed=next(seeds),
            name="shift",
        ),
        keras.layers.RandomRotation(
            _TURN_FRACTION,
            fill_mode="constant",
            seed=next(seeds),
            name="turn",
        ),
    ]
    for index, channels in enumerate((1, 2, 2, 4)):
        if index == 2:
            layers.append(keras.layers.MaxPooling2D(name="pool"))
        layers += [
            keras.layers.Conv2D(
                channels * config.width,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"conv{index + 1}",
            ),
            keras.layers.BatchNormalization(name=f"norm{index + 1}"),
            keras.layers.ReLU(name=f"relu{index + 1}"),
        ]
    layers += [
        keras.layers.GlobalAveragePooling2D(name="average"),
        keras.layers.Dropout(
            config.dropout_fraction, seed=next(seeds), name="dropout"
        ),
        keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="logits",
        ),
    ]
    return keras.Sequential(
        [keras.Input(image_shape, name="image"), *layers], name="digits"
    )
