"""Walking the tree of layers inside a model."""

from collections.abc import Iterator

import keras

from keras_moon.layers.masked_kernel import MaskedKernel
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns the layers that a layer or model holds, in creation order.

    Keras has no public way to reach the layers inside a layer that is not a
    model; this is the one place that uses its private list.
    """
    if isinstance(layer, keras.Sequential):
        # Its private list also holds the functional model that it wraps.
        return list(layer.layers)
    return list(layer._layers)


def walk(
    root: keras.layers.Layer,
) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields every layer inside `root` once, parents first, with its path.

    A path joins the names of the layers on the way with `/`; the name of
    `root` itself is left out. Of several layers with one path, as subclassed
    models may have, the second gets the suffix `#2`, and so on. The order,
    and so the position of a layer, depends on the architecture only.
    """
    seen: set[int] = {id(root)}
    counts: dict[str, int] = {}

    def visit(
        layer: keras.layers.Layer, prefix: str
    ) -> Iterator[tuple[str, keras.layers.Layer]]:
        for child in sublayers(layer):
            if id(child) in seen:
                continue
            seen.add(id(child))
            path = f"{prefix}{child.name}"
            counts[path] = counts.get(path, 0) + 1
            if counts[path] > 1:
                path = f"{path}#{counts[path]}"
            yield path, child
            yield from visit(child, f"{path}/")

    yield from visit(root, "")


def sparse_layers(
    model: keras.layers.Layer,
) -> list[tuple[str, MaskedKernelMixin]]:
    """Returns path and layer of every sparse layer in a model."""
    found = [
        (path, layer)
        for path, layer in walk(model)
        if isinstance(layer, MaskedKernelMixin)
    ]
    if isinstance(model, MaskedKernelMixin):
        found.insert(0, (model.name, model))
    return found


def masked_kernels(
    model: keras.layers.Layer,
) -> list[tuple[str, keras.layers.Layer, MaskedKernel]]:
    """Returns path, layer and kernel of every masked kernel in a model.

    The path is that of the layer; a layer with two kernels appends the name
    of the kernel, as in `"block/conv/pointwise_kernel"`.
    """
    return [
        (kernel_path(path, layer, kernel.name), layer, kernel)
        for path, layer in sparse_layers(model)
        for kernel in layer.masked_kernels
    ]


def kernel_path(
    path: str, layer: MaskedKernelMixin | type, kernel_name: str
) -> str:
    """Returns the name by which users select a kernel."""
    if len(layer.kernel_names) == 1:
        return path
    return f"{path}/{kernel_name}"
