"""Sparse layers: Keras layers whose kernels carry masks."""

from keras_moon.layers.masked_kernel import MaskedKernel as MaskedKernel
from keras_moon.layers.sparse_conv import SparseConv1D as SparseConv1D
from keras_moon.layers.sparse_conv import SparseConv2D as SparseConv2D
from keras_moon.layers.sparse_conv import SparseConv3D as SparseConv3D
from keras_moon.layers.sparse_conv_transpose import (
    SparseConv2DTranspose as SparseConv2DTranspose,
)
from keras_moon.layers.sparse_dense import SparseDense as SparseDense
from keras_moon.layers.sparse_depthwise_conv import (
    SparseDepthwiseConv2D as SparseDepthwiseConv2D,
)
from keras_moon.layers.sparse_einsum_dense import (
    SparseEinsumDense as SparseEinsumDense,
)
from keras_moon.layers.sparse_separable_conv import (
    SparseSeparableConv2D as SparseSeparableConv2D,
)
