"""Plain Python: how sparse each layer is, when masks change, what it costs."""

from keras_moon.sparsity.accounting import kernel_bytes as kernel_bytes
from keras_moon.sparsity.accounting import layer_flops as layer_flops
from keras_moon.sparsity.accounting import layer_macs as layer_macs
from keras_moon.sparsity.accounting import num_positions as num_positions
from keras_moon.sparsity.counts import layer_nonzeros as layer_nonzeros
from keras_moon.sparsity.counts import num_nonzeros as num_nonzeros
from keras_moon.sparsity.distributions import distribution as distribution
from keras_moon.sparsity.distributions import erdos_renyi as erdos_renyi
from keras_moon.sparsity.distributions import (
    erdos_renyi_kernel as erdos_renyi_kernel,
)
from keras_moon.sparsity.distributions import uniform as uniform
from keras_moon.sparsity.schedules import (
    ConstantDropFraction as ConstantDropFraction,
)
from keras_moon.sparsity.schedules import (
    CosineDropFraction as CosineDropFraction,
)
from keras_moon.sparsity.schedules import DropFraction as DropFraction
from keras_moon.sparsity.schedules import (
    ExponentialDropFraction as ExponentialDropFraction,
)
from keras_moon.sparsity.training_cost import (
    mean_inference_flops as mean_inference_flops,
)
from keras_moon.sparsity.training_cost import training_flops as training_flops
from keras_moon.sparsity.update_rule import UpdateRule as UpdateRule
