"""Figures and tables of results."""

from keras_moon.report.figure import save_figure as save_figure
from keras_moon.report.layer_density import layer_density as layer_density
from keras_moon.report.mask_changes import mask_changes as mask_changes
from keras_moon.report.reliability import (
    reliability_diagram as reliability_diagram,
)
from keras_moon.report.result_table import ResultTable as ResultTable
from keras_moon.report.result_table import mean_std as mean_std
from keras_moon.report.score_histograms import (
    score_histograms as score_histograms,
)
from keras_moon.report.training_curves import training_curves as training_curves
