"""From any Keras model to a sparse one."""

import numbers
import warnings
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.conversion.candidates import Candidate
from keras_moon.conversion.candidates import find_candidates
from keras_moon.conversion.cloning import clone_or_self
from keras_moon.conversion.cloning import is_graph
from keras_moon.conversion.selection import Selector
from keras_moon.conversion.selection import in_groups
from keras_moon.conversion.selection import select
from keras_moon.functional.masks import top_k_mask
from keras_moon.layers.masked_kernel import random_mask
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.sparse_composite import make_composite
from keras_moon.layers.swap import SPARSE_CLASSES
from keras_moon.layers.swap import make_sparse
from keras_moon.layers.tree import sublayers
from keras_moon.layers.tree import walk
from keras_moon.sparsity.counts import check_sparsity
from keras_moon.sparsity.counts import layer_nonzeros
from keras_moon.sparsity.counts import sparsity_of
from keras_moon.sparsity.distributions import distribution as distribution_of
from keras_moon.training.strategy import refuse_multi_worker
from keras_moon.training.strategy import strategy_scope

_MASK_INITS = ("random", "magnitude")
_LARGEST_SPARSITY = float(np.nextafter(1.0, 0.0))


@keras_moon_export("sparsify")
def sparsify(
    model: keras.Model,
    sparsity: float = 0.9,
    distribution: str = "erk",
    include: Selector = None,
    exclude: Selector = None,
    overrides: Mapping[str, float] | None = None,
    mask_init: str = "random",
    dense_gradient: bool = True,
    rounding: str = "floor",
    seed: int = 0,
) -> keras.Model:
    """Returns a sparse copy of a Keras model, ready to be compiled.

    Takes Sequential, functional, nested and subclassed models, those of
    `keras.applications` and KerasHub, and layers inside composite layers such
    as `MultiHeadAttention`. Dense, EinsumDense, Conv1D/2D/3D,
    Conv2DTranspose, DepthwiseConv2D and SeparableConv2D become sparse; the
    trained weights that stay active keep their values. Layers that hold a
    weight matrix but cannot be treated are named in a warning, unless
    `exclude` names them.

    The contract, for every kind of model:

    - The result is a new model of the same class and the argument is left
      untouched. Only where Keras cannot clone the model (a class without a
      usable `get_config`) is it changed in place, and a warning says so.
    - The result is not compiled, whether or not the argument was: the
      optimizer must be built with the new variables.
    - A model made in the scope of a `tf.distribute` strategy gives a result
      under the same strategy, wherever `sparsify` is called. Compile it in
      the scope.
    - The result can be saved as `.keras` and loaded in a process that has
      imported keras_moon, if Keras can save and load the original so. For a
      class without a usable `get_config`, save weights, and load them into
      `sparsify(fresh_model, ...)` with the same arguments. Weights never load
      without their masks: Keras then raises.

    Args:
        model: A built Keras model.
        sparsity: Fraction of zeros over all treated kernels, in [0, 1).
        distribution: How it is spread over the kernels: `"erk"`
            (Erdos-Renyi-Kernel, RigL's), `"erdos_renyi"` or `"uniform"`. An
            EinsumDense kernel counts as (fan-in, fan-out).
        include: What to treat: a layer path such as `"block1/conv"`, a
            regular expression for a whole path, a sequence of these, or a
            predicate on layers. Defaults to all that can be treated but
            depthwise kernels, which hold few weights and suffer most. An
            expression or predicate may also match layers that cannot be
            treated; a name, or an expression that matches no other, is an
            error.
        exclude: What to leave dense, in the same terms.
        overrides: Dict from path or expression to the sparsity of these
            kernels, which then leave the budget of the others. Asks for
            depthwise kernels too.
        mask_init: `"random"` (RigL's), or `"magnitude"`: the largest weights
            of each kernel stay, the choice for trained models.
        dense_gradient: Whether layers keep the gradient of inactive weights,
            as RigL needs. SET and fixed masks do without; `False` saves the
            memory of the kernels once more. `model.summary()` counts these
            and the masks as parameters; `km.summary` does not.
        rounding: How zeros are rounded per kernel, see
            `km.sparsity.num_nonzeros`.
        seed: Integer seed of the random masks; with the layer's position in
            the model it decides each.

    Returns:
        The sparse model.

    Raises:
        ValueError: If nothing can be made sparse, a name matches nothing or
            asks for a layer that cannot be treated (frozen, quantized, with
            LoRA, with a shared kernel), the model is not built or already
            sparse, or an argument is out of range.

    Example:

    >>> dense = keras.Sequential([
    ...     keras.Input((28, 28, 1)),
    ...     keras.layers.Conv2D(16, 3, activation="relu", name="conv"),
    ...     keras.layers.Flatten(),
    ...     keras.layers.Dense(10, name="logits"),
    ... ])
    >>> sparse = km.sparsify(dense, sparsity=0.9, overrides={"conv": 0.5})
    >>> [layer.masked_kernels[0].target_nonzeros for layer in
    ...  (sparse.get_layer("conv"), sparse.get_layer("logits"))]
    [72, 10816]
    """
    _check_arguments(model, sparsity, mask_init, seed)
    candidates, untreatable = find_candidates(model)
    chosen, overrides, listed = select(
        candidates, untreatable, dict(walk(model)), include, exclude, overrides
    )
    if not chosen:
        raise ValueError(
            f"Model '{model.name}' has nothing to make sparse with "
            f"include={include!r} and exclude={exclude!r}. It could treat: "
            f"{[c.path for c in candidates]}. It cannot treat: "
            f"{dict(untreatable)}."
        )
    shapes = {candidate.path: candidate.shape for candidate in chosen}
    densities = distribution_of(distribution)(
        shapes, sparsity, overrides=overrides, rounding=rounding
    )
    counts = layer_nonzeros(shapes, densities, rounding)
    if listed:
        warnings.warn(
            f"`sparsify` left these layers dense: {in_groups(listed)}. Name "
            "them in `exclude`, by path or regular expression, to say that "
            "you know. `keras_moon.summary` lists each.",
            stacklevel=2,
        )

    sparse = clone_or_self(model, "sparsify")
    layers = [layer for _, layer in walk(sparse)]
    by_layer: dict[int, list[Candidate]] = {}
    for candidate in chosen:
        by_layer.setdefault(candidate.layer_index, []).append(candidate)
    for index, kernels in by_layer.items():
        masks = _masks(layers[index], kernels, counts, mask_init, seed)
        options = {
            "sparsity": _layer_sparsity(kernels, densities),
            "dense_gradient": dense_gradient,
            "rounding": rounding,
            "mask_seed": _layer_seed(seed, index),
        }
        with strategy_scope(model):
            make_sparse(layers[index], options, masks)
    protect_composites(sparse)
    return sparse


def protect_composites(model: keras.Model) -> None:
    """Makes every outermost composite that holds sparse layers savable."""

    def visit(layer: keras.layers.Layer) -> None:
        if isinstance(layer, MaskedKernelMixin):
            return
        if is_graph(layer):
            for child in sublayers(layer):
                visit(child)
        elif any(isinstance(c, MaskedKernelMixin) for _, c in walk(layer)):
            make_composite(layer)

    visit(model)


def _check_arguments(
    model: keras.Model, sparsity: float, mask_init: str, seed: int
) -> None:
    refuse_multi_worker()
    check_sparsity(sparsity)
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise ValueError(
            f"`seed` must be an integer of at least 0. Received: seed={seed!r}."
        )
    if mask_init not in _MASK_INITS:
        raise ValueError(
            f"`mask_init` must be one of {_MASK_INITS}. Received: "
            f"mask_init={mask_init!r}."
        )
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`sparsify` expected a `keras.Model`. Received: "
            f"{type(model).__name__}. A single layer has a sparse class of "
            "its own, such as `keras_moon.layers.SparseDense`."
        )
    found = dict(walk(model))
    unbuilt = [path for path, layer in found.items() if not layer.built]
    if not model.built or unbuilt:
        raise ValueError(
            "`sparsify` must know the shapes of all kernels. Received: model "
            f"'{model.name}', which is not built (not built inside it: "
            f"{unbuilt}). Call it on data, or `model.build(input_shape)`, "
            "first."
        )
    if any(isinstance(layer, MaskedKernelMixin) for layer in found.values()):
        raise ValueError(
            f"Model '{model.name}' has sparse layers already. To choose other "
            "masks, start from `keras_moon.strip(model)`."
        )


def _masks(
    layer: keras.layers.Layer,
    kernels: list[Candidate],
    counts: Mapping[str, int],
    mask_init: str,
    seed: int,
) -> dict[str, np.ndarray]:
    """Masks of one layer by kernel name; ones for kernels left dense."""
    masks = {}
    names = [candidate.kernel_name for candidate in kernels]
    kernel_names = SPARSE_CLASSES[type(layer)].kernel_names
    for position, name in enumerate(kernel_names):
        kernel = getattr(layer, name)
        shape = tuple(kernel.shape)
        if name not in names:
            masks[name] = np.ones(shape, bool)
            continue
        candidate = kernels[names.index(name)]
        count = counts[candidate.path]
        if mask_init == "magnitude":
            scores = ops.abs(ops.convert_to_tensor(kernel))
            masks[name] = ops.convert_to_numpy(top_k_mask(scores, count))
        else:
            layer_seed = _layer_seed(seed, candidate.layer_index)
            masks[name] = random_mask(shape, count, [layer_seed, position])
    return masks


def _layer_sparsity(
    kernels: list[Candidate], densities: Mapping[str, float]
) -> float | dict[str, float]:
    by_name = {
        # At least one weight is left however close to 1 this is.
        c.kernel_name: min(sparsity_of(densities[c.path]), _LARGEST_SPARSITY)
        for c in kernels
    }
    if kernels[0].path == kernels[0].layer_path:
        return by_name[kernels[0].kernel_name]
    return by_name


def _layer_seed(seed: int, index: int) -> int:
    """One seed per layer, so that equal shapes get different masks."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
