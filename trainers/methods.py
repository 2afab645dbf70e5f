"""What `--method` means: how a network becomes sparse, and who moves it."""

import keras

import keras_moon as km
from flags import SparsityConfig

_MOVING = {"set": km.callbacks.SET, "rigl": km.callbacks.RigL}


def make_sparse(
    model: keras.Model, config: SparsityConfig, seed: int
) -> keras.Model:
    """Returns the network that the method trains, uncompiled.

    Args:
        model: A dense network. Left untouched.
        config: Method, sparsity and distribution.
        seed: Seed of the masks.
    """
    if config.method == "dense":
        return model
    return km.sparsify(
        model,
        sparsity=config.sparsity,
        distribution=config.distribution,
        dense_gradient=config.method == "rigl",
        seed=seed,
    )


def method_callbacks(
    config: SparsityConfig, seed: int
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of the method, in the order `fit` needs.

    Args:
        config: Method and its settings.
        seed: Seed of ties and of random growth.
    """
    if config.method == "dense":
        return []
    if config.method == "static":
        return [km.callbacks.StaticSparse(), km.callbacks.SparsityLogger()]
    callback = _MOVING[config.method](
        update_freq=config.update_freq_steps,
        drop_fraction=config.drop_fraction,
        stop_fraction=config.stop_fraction,
        seed=seed,
    )
    return [callback, km.callbacks.SparsityLogger()]
