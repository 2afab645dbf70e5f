"""One network, trained from its first batch or from where it was killed."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import keras

import keras_moon as km
from flags import Config

# Keras leaves a model uncompiled on JAX when one of these is in it, for the
# sake of TensorFlow's compiler. JAX compiles them: 5 times faster on digits.
_COMPILED_BY_JAX = (
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
)


def compile_classifier(
    model: keras.Model, config: Config, total_steps: int
) -> None:
    """Compiles a network that returns logits, with SGD and cosine decay.

    Args:
        model: The network.
        config: `config.training` is used.
        total_steps: Steps of the whole training.
    """
    if keras.backend.backend() == "jax":
        for layer in _leaves(model):
            if isinstance(layer, _COMPILED_BY_JAX):
                layer.supports_jit = True
    training = config.training
    optimizer = keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(
            training.learning_rate, total_steps
        ),
        momentum=0.9,
        nesterov=True,
        weight_decay=training.weight_decay or None,
    )
    # Scales, offsets and biases are few, and shrinking them helps nothing.
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def train(
    model: keras.Model,
    batches: km.data.EpochBatches,
    validation: Any,
    config: Config,
    checkpoint_directory: Any,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains a compiled network, or continues its training.

    Args:
        model: The network.
        batches: Training data.
        validation: Data with `.x` and `.y` to watch the training.
        config: `config.training` and `config.run` are used.
        checkpoint_directory: Where checkpoints are kept. Training goes on
            from the newest one there.
        callbacks: Callbacks of the method and of the program.
    """
    checkpoint = km.callbacks.TrainingCheckpoint(
        checkpoint_directory,
        data=batches,
        save_every_steps=config.run.save_every_steps,
    )
    model.fit(
        batches,
        epochs=config.training.epochs,
        validation_data=(validation.x, validation.y),
        validation_batch_size=config.training.batch_size,
        callbacks=[*callbacks, checkpoint],
        verbose=0,
    )


def _leaves(layer: keras.Layer) -> Iterator[keras.Layer]:
    inner = getattr(layer, "layers", None)
    if inner is None:
        yield layer
        return
    for child in inner:
        yield from _leaves(child)
