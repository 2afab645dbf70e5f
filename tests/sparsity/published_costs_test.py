"""FLOPs and sizes of ResNet-18 and ResNet-50, as published."""

import pytest

from keras_moon.sparsity import erdos_renyi_kernel
from keras_moon.sparsity import layer_nonzeros
from keras_moon.sparsity import num_nonzeros
from keras_moon.sparsity import training_flops
from keras_moon.sparsity import uniform
from tests.sparsity.network_costs import dense_counts
from tests.sparsity.network_costs import expected_flops_ratio
from tests.sparsity.network_costs import flops_ratio
from tests.sparsity.network_costs import network_flops
from tests.sparsity.network_costs import network_macs
from tests.sparsity.network_costs import network_megabytes
from tests.sparsity.networks import resnet18_cifar
from tests.sparsity.networks import resnet50
from tests.sparsity.networks import shapes_of

RESNET50 = resnet50()
# RigL's tables pad the input to 230 and then convolve with "same" padding,
# and do not round weights to integers: with integers the ratio of ERK at 0.9
# is 0.24316 instead of 0.24315 and prints as 0.2432.
RESNET50_PADDED = resnet50(stem_side=115)
RESNET18 = resnet18_cifar()


class TestInference:
    def test_resnet50_dense(self):
        counts = dense_counts(RESNET50)
        assert f"{network_macs(RESNET50, counts):.3e}" == "4.089e+09"
        # Not twice the MACs: bias and ReLU are counted, and one addition
        # fewer per output.
        assert f"{network_flops(RESNET50, counts):.3e}" == "8.189e+09"
        assert f"{network_megabytes(RESNET50, counts):.3f}" == "102.122"

    @pytest.mark.parametrize(
        ("sparsity", "at_224", "at_230"),
        [
            (0.8, "0.4146", "0.4153"),
            (0.9, "0.2429", "0.2431"),
            (0.95, "0.1229", "0.1230"),
        ],
    )
    def test_resnet50_erk(self, sparsity, at_224, at_230):
        shapes = shapes_of(RESNET50)
        densities = erdos_renyi_kernel(shapes, sparsity)
        assert f"{flops_ratio(RESNET50, densities):.4f}" == at_224
        ratio = expected_flops_ratio(RESNET50_PADDED, densities)
        assert f"{ratio:.4f}" == at_230

    def test_resnet50_erk_at_99_keeps_conv1_dense(self):
        # Outside the budget: an override. Inside it (`dense`), the other
        # layers would pay and the ratio would be 0.0525.
        shapes = shapes_of(RESNET50)
        densities = erdos_renyi_kernel(shapes, 0.99, overrides={"conv1": 0.0})
        assert f"{flops_ratio(RESNET50, densities):.4f}" == "0.0533"
        ratio = expected_flops_ratio(RESNET50_PADDED, densities)
        assert f"{ratio:.4f}" == "0.0548"
        inside = erdos_renyi_kernel(shapes, 0.99, dense=["conv1"])
        assert f"{flops_ratio(RESNET50, inside):.4f}" == "0.0525"
        # The published size comes from rounding the zeros up.
        counts = layer_nonzeros(shapes, densities, rounding="ceil")
        assert f"{network_megabytes(RESNET50, counts):.3f}" == "4.354"

    @pytest.mark.parametrize(
        ("sparsity", "at_224", "at_230"),
        [
            (0.8, "0.2241", "0.2254"),
            (0.9, "0.1272", "0.1285"),
            (0.95, "0.0787", "0.0801"),
        ],
    )
    def test_resnet50_uniform_keeps_conv1_dense(self, sparsity, at_224, at_230):
        densities = uniform(
            shapes_of(RESNET50), sparsity, overrides={"conv1": 0.0}
        )
        assert f"{flops_ratio(RESNET50, densities):.4f}" == at_224
        ratio = expected_flops_ratio(RESNET50_PADDED, densities)
        assert f"{ratio:.4f}" == at_230

    @pytest.mark.parametrize(
        ("rounding", "megabytes"), [("ceil", "23.683"), ("floor", "23.684")]
    )
    def test_resnet50_erk_size_tells_the_rounding(self, rounding, megabytes):
        # The published 23.683 MB was counted when RigL rounded zeros up.
        shapes = shapes_of(RESNET50)
        densities = erdos_renyi_kernel(shapes, 0.8, rounding=rounding)
        counts = layer_nonzeros(shapes, densities, rounding)
        assert f"{network_megabytes(RESNET50, counts):.3f}" == megabytes

    def test_resnet50_uniform_size(self):
        # RigL's README prints 23.685, which is the size under Erdos-Renyi.
        shapes = shapes_of(RESNET50)
        densities = uniform(shapes, 0.8, overrides={"conv1": 0.0})
        counts = layer_nonzeros(shapes, densities, "ceil")
        assert f"{network_megabytes(RESNET50, counts):.3f}" == "23.729"

    def test_resnet18_dense(self):
        macs = network_macs(RESNET18, dense_counts(RESNET18))
        assert f"{macs:.3e}" == "5.554e+08"

    @pytest.mark.parametrize(
        ("sparsity", "expected"),
        [(0.8, "0.508"), (0.9, "0.249"), (0.95, "0.126"), (0.99, "0.026")],
    )
    def test_resnet18_erk(self, sparsity, expected):
        # conv1 inside the budget, at 0.99 too.
        densities = erdos_renyi_kernel(shapes_of(RESNET18), sparsity)
        assert f"{flops_ratio(RESNET18, densities):.3f}" == expected

    def test_uniform_macs_are_those_of_the_counts(self):
        # With every layer alike, MACs shrink with the weights.
        shapes = shapes_of(RESNET18)
        counts = layer_nonzeros(shapes, uniform(shapes, 0.9))
        assert counts == {
            layer.name: num_nonzeros(layer.size, 0.9) for layer in RESNET18
        }
        ratio = network_macs(RESNET18, counts) / network_macs(
            RESNET18, dense_counts(RESNET18)
        )
        assert ratio == pytest.approx(0.1, rel=1e-3)


class TestTraining:
    @pytest.mark.parametrize(
        ("sparsity", "five_times"),
        [(0.8, "2.086"), (0.9, "1.228"), (0.95, "0.630"), (0.99, "0.290")],
    )
    def test_rigl_erk_of_resnet50(self, sparsity, five_times):
        # Five times the steps, relative to dense training; the tables keep
        # conv1 dense at 0.99 and count its input as 230 pixels wide.
        overrides = {"conv1": 0.0} if sparsity == 0.99 else None
        densities = erdos_renyi_kernel(
            shapes_of(RESNET50_PADDED), sparsity, overrides
        )
        sparse = expected_flops_ratio(RESNET50_PADDED, densities)
        ratio = training_flops("rigl", 1.0, sparse) / training_flops(
            "dense", 1.0
        )
        assert f"{5 * ratio:.3f}" == five_times

    @pytest.mark.parametrize(
        ("sparsity", "five_times"),
        [(0.8, "1.140"), (0.9, "0.657"), (0.95, "0.416")],
    )
    def test_rigl_uniform_of_resnet50(self, sparsity, five_times):
        densities = uniform(
            shapes_of(RESNET50_PADDED), sparsity, overrides={"conv1": 0.0}
        )
        sparse = expected_flops_ratio(RESNET50_PADDED, densities)
        ratio = training_flops("rigl", 1.0, sparse) / training_flops(
            "dense", 1.0
        )
        assert f"{5 * ratio:.3f}" == five_times
