"""The mixin that owns the masks and gradient taps of a layer's kernels."""

import numbers
import random
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.functional.masks import apply_mask
from keras_moon.layers.masked_kernel import ActiveRegularizer
from keras_moon.layers.masked_kernel import MaskedKernel
from keras_moon.layers.masked_kernel import check_mask
from keras_moon.layers.masked_kernel import random_mask
from keras_moon.layers.masked_kernel import read
from keras_moon.layers.masked_kernel import zero_masked
from keras_moon.layers.masked_storage import load_masked
from keras_moon.layers.masked_storage import save_masked
from keras_moon.sparsity.counts import check_rounding
from keras_moon.sparsity.counts import check_sparsity
from keras_moon.sparsity.counts import num_nonzeros

_SPARSE_ATTRIBUTES = (
    "sparsity",
    "dense_gradient",
    "rounding",
    "mask_seed",
    "_masks",
    "_taps",
    "_targets",
    "_initial_masks",
)


class MaskedKernelMixin:
    """Makes the kernels of a Keras layer sparse.

    Stands before a Keras layer class in the bases. The layer class names its
    kernels in ``kernel_names`` and reads them in ``call`` through
    ``masked(name)``. The stored kernel is zero wherever its mask is: it starts
    so, its gradient is masked, and saving and loading keep it so.
    """

    kernel_names: tuple[str, ...] = ("kernel",)

    def __init__(
        self,
        *args: Any,
        sparsity: float | Mapping[str, float] = 0.0,
        dense_gradient: bool = True,
        rounding: str = "floor",
        mask_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._refuse_quantized_policy()
        self._set_sparsity(sparsity, dense_gradient, rounding, mask_seed)

    def _set_sparsity(
        self,
        sparsity: float | Mapping[str, float],
        dense_gradient: bool,
        rounding: str,
        mask_seed: int | None,
    ) -> None:
        self.sparsity = self._check_sparsity(sparsity)
        self.dense_gradient = bool(dense_gradient)
        check_rounding(rounding)
        self.rounding = rounding
        if mask_seed is None:
            # As Keras's initializers: set by keras.utils.set_random_seed.
            mask_seed = random.randint(1, int(1e9))
        if not isinstance(mask_seed, numbers.Integral) or mask_seed < 0:
            raise ValueError(
                f"`mask_seed` of layer '{self.name}' must be an integer of at "
                f"least 0, or None. Received: mask_seed={mask_seed!r}."
            )
        self.mask_seed = int(mask_seed)
        self._masks: list[Any] = []
        self._taps: list[Any] = []
        self._targets: list[int] = []
        self._initial_masks: dict[str, np.ndarray] = {}

    def _check_sparsity(
        self, sparsity: float | Mapping[str, float]
    ) -> float | dict[str, float]:
        if isinstance(sparsity, Mapping):
            unknown = set(sparsity) - set(self.kernel_names)
            if unknown:
                raise ValueError(
                    f"Layer '{self.name}' has the kernels "
                    f"{list(self.kernel_names)}. Received `sparsity` for "
                    f"{sorted(unknown)}."
                )
            return {name: self._checked(s) for name, s in sparsity.items()}
        return self._checked(sparsity)

    def _checked(self, sparsity: float) -> float:
        check_sparsity(sparsity, f"`sparsity` of layer '{self.name}'")
        return float(sparsity)

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """As in the parent; kernels start with zeros where masked."""
        if name in self.kernel_names and name not in self._initial_masks:
            initial = keras.initializers.get(initializer or "glorot_uniform")
            mask = self._random_mask(name, tuple(shape))
            self._initial_masks[name] = mask

            # Not assigned afterwards: under JAX a variable may be created
            # while tracing, and only its initializer runs later.
            def initializer(shape: Any, dtype: Any = None) -> Any:
                return apply_mask(
                    initial(shape, dtype=dtype), ops.convert_to_tensor(mask)
                )

        return super().add_weight(
            shape=shape, initializer=initializer, name=name, **kwargs
        )

    def build(self, input_shape: Any) -> None:
        self._refuse_quantized_policy()
        super().build(input_shape)
        self._add_masks(self._initial_masks)
        self._initial_masks = {}

    def _random_mask(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        seed = [self.mask_seed, self.kernel_names.index(name)]
        return random_mask(shape, self._target_nonzeros(name, shape), seed)

    def _add_masks(self, masks: dict[str, np.ndarray]) -> None:
        """Creates the variables of masks and taps."""
        for name in self.kernel_names:
            kernel = getattr(self, name)
            target = self._target_nonzeros(name, tuple(kernel.shape))
            value = masks[name]
            mask = self.add_weight(
                name=f"{name}_mask",
                shape=kernel.shape,
                initializer=lambda shape, dtype=None, value=value: (
                    ops.convert_to_tensor(value, dtype=dtype)
                ),
                dtype="bool",
                trainable=False,
                autocast=False,
                aggregation="only_first_replica",
            )
            tap = None
            if self.dense_gradient and target < value.size:
                # Keras writes this variable's gradient into it instead of
                # stepping, and no optimizer gives it slots (its hook for
                # float8 scales). Replicas' gradients add up, as those of the
                # kernel: each loss is already divided by their number.
                tap = self.add_weight(
                    name=f"{name}_dense_gradient",
                    shape=kernel.shape,
                    initializer="zeros",
                    dtype=kernel.dtype,
                    trainable=True,
                    overwrite_with_gradient=True,
                    aggregation="sum",
                )
            if kernel.regularizer is not None:
                kernel.regularizer = ActiveRegularizer(kernel.regularizer, mask)
            self._masks.append(mask)
            self._taps.append(tap)
            self._targets.append(target)

    def _target_nonzeros(self, name: str, shape: tuple[int, ...]) -> int:
        if isinstance(self.sparsity, dict):
            sparsity = self.sparsity.get(name, 0.0)
        else:
            sparsity = self.sparsity
        return num_nonzeros(int(np.prod(shape)), sparsity, self.rounding)

    def become_sparse(
        self,
        sparsity: float | Mapping[str, float],
        dense_gradient: bool,
        rounding: str,
        mask_seed: int,
        masks: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Gives a built layer, whose class was just changed, its masks.

        Args:
            sparsity, dense_gradient, rounding, mask_seed: As the arguments
                of the class.
            masks: Boolean array per kernel name. Random if `None`.
        """
        self._set_sparsity(sparsity, dense_gradient, rounding, mask_seed)
        if masks is None:
            masks = {
                name: self._random_mask(name, tuple(getattr(self, name).shape))
                for name in self.kernel_names
            }
        for name, mask in masks.items():
            shape = tuple(getattr(self, name).shape)
            what = f"The mask of '{name}' of layer '{self.name}'"
            check_mask(mask, shape, self._target_nonzeros(name, shape), what)
        # A built layer is locked against new variables.
        self._tracker.unlock()
        self._add_masks(dict(masks))
        self._tracker.lock()
        for masked in self.masked_kernels:
            zero_masked(masked)

    def forget_masks(self) -> None:
        """Removes masks and taps, before the class is changed back."""
        for masked in self.masked_kernels:
            if isinstance(masked.kernel.regularizer, ActiveRegularizer):
                masked.kernel.regularizer = (
                    masked.kernel.regularizer.regularizer
                )
        for variable in [*self._masks, *self._taps]:
            if variable is not None:
                self._untrack_variable(variable)
        for name in _SPARSE_ATTRIBUTES:
            delattr(self, name)

    @property
    def masked_kernels(self) -> list[MaskedKernel]:
        """The layer's kernels with masks and taps; empty before building."""
        if not self._masks:
            return []
        return [
            MaskedKernel(name, getattr(self, name), mask, tap, target)
            for name, mask, tap, target in zip(
                self.kernel_names,
                self._masks,
                self._taps,
                self._targets,
                strict=True,
            )
        ]

    def masked(self, name: str) -> Any:
        """Returns a kernel as the forward pass uses it: masked, autocast."""
        kernel = read(getattr(self, name))
        index = self.kernel_names.index(name)
        mask, tap = self._masks[index], self._taps[index]
        if self._targets[index] == int(np.prod(mask.shape)):
            return kernel
        return apply_mask(
            kernel, read(mask), None if tap is None else read(tap)
        )

    def add_bias_and_activate(self, outputs: Any) -> Any:
        """What every convolution does after its kernel."""
        if self.use_bias:
            shape = [1] * len(outputs.shape)
            channels = -1 if self.data_format == "channels_last" else 1
            shape[channels] = self.bias.shape[0]
            outputs = ops.add(outputs, ops.reshape(self.bias, shape))
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs

    def save_own_variables(self, store: Any) -> None:
        """Saves kernels, masks and bias by name; taps are transient."""
        save_masked(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved; checks every mask."""
        load_masked(self, store)

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Raises: quantization would replace the masked kernel."""
        raise ValueError(
            f"Layer '{self.name}' is sparse and cannot be quantized in place. "
            "Quantize the plain model: `keras_moon.strip(model).quantize(...)`."
        )

    def _refuse_quantized_policy(self) -> None:
        if self.dtype_policy.quantization_mode is not None:
            MaskedKernelMixin.quantize(self)

    def enable_lora(self, *args: Any, **kwargs: Any) -> None:
        """Raises: a low-rank update would fill the zeros."""
        raise ValueError(
            f"Layer '{self.name}' is sparse and cannot carry LoRA: the "
            "low-rank update would fill its zeros. Enable LoRA on the plain "
            "model, `keras_moon.strip(model)`."
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sparsity": self.sparsity,
            "dense_gradient": self.dense_gradient,
            "rounding": self.rounding,
            "mask_seed": self.mask_seed,
        }
