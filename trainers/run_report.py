"""From the files of the seeds to the table, the figures and metrics.json."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console

from flags import Config
from keras_moon import report
from trainers.files import read_csv
from trainers.files import write_csv
from trainers.files import write_json
from trainers.files import write_whole
from trainers.run_directory import RunDirectory

_SCORE_LABELS = {
    "msp": "Maximum softmax probability",
    "max_logit": "Maximum logit",
    "energy": "Negative energy (nats)",
}
_NOT_MEASURED = {"seed", "ood_groups", "layers"}
_POSITIVE = {
    "ood": "the unknown samples (OpenOOD v1.5)",
    "id": "the known samples (OpenOOD v1.0)",
}


def write_report(run: RunDirectory, console: Console) -> None:
    """Writes what a run says over all its seeds, and prints the table.

    Reads only files of the run, so that it is the same whether the seeds were
    trained now or before.

    Args:
        run: A run whose seeds are finished.
        console: Where to print.
    """
    seeds = list(run.config.run.seeds)
    metrics = [json.loads(run.metrics_file(s).read_text()) for s in seeds]
    histories = [read_csv(run.seed(s) / "history.csv") for s in seeds]
    write_json(run.path / "metrics.json", summarize(metrics, run.config))
    rows = [
        {"seed": seed, **row}
        for seed, history in zip(seeds, histories, strict=True)
        for row in history
    ]
    write_csv(run.path / "history.csv", list(rows[0]), rows)
    table = result_table(metrics, run)
    write_whole(
        run.path / "table.md",
        lambda path: path.write_text(table.to_markdown() + "\n"),
    )
    draw_figures(run, metrics, histories)
    console.print()
    table.print(console)


def summarize(
    metrics: Sequence[dict[str, Any]], config: Config
) -> dict[str, Any]:
    """Returns the content of metrics.json: mean, std and every seed."""
    return {
        "num_seeds": len(metrics),
        "positive": config.evaluation.positive,
        "std": "sample standard deviation (n - 1) over seeds",
        "summary": _mean_std_tree(metrics),
        "seeds": list(metrics),
    }


def _mean_std_tree(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        return {
            key: _mean_std_tree([value[key] for value in values])
            for key in first
            if key not in _NOT_MEASURED
        }
    return report.mean_std(values)._asdict()


def result_table(
    metrics: Sequence[dict[str, Any]], run: RunDirectory
) -> report.ResultTable:
    """Returns the table of a run.

    Args:
        metrics: The metrics of each seed.
        run: Names the method and the OOD score to show.
    """
    config = run.config
    score = config.evaluation.ood_score
    table = report.ResultTable(
        describe(run),
        notes=[
            f"Mean ± standard deviation (n - 1) over {len(metrics)} seeds."
            if len(metrics) > 1
            else "One seed: no standard deviations.",
            f"Unknown samples are told by {score}; AUROC and FPR95 detect "
            f"{_POSITIVE[config.evaluation.positive]}.",
            f"Files: {run.path}",
        ],
    )

    def add(section, label, values, spec, better=""):
        table.add(section, label, list(values), spec, better)

    def percent(*keys):
        return [100.0 * _get(entry, keys) for entry in metrics]

    test = "Test set"
    add(test, "Accuracy (%)", percent("accuracy"), ".2f", "higher")
    add(test, "ECE (%)", percent("ece"), ".2f", "lower")
    for key, label in (("nll", "NLL (nats)"), ("brier", "Brier score")):
        add(test, label, [m[key] for m in metrics], ".4f", "lower")
    groups = metrics[0]["ood_groups"]
    for group in dict.fromkeys(groups.values()):
        members = [name for name in groups if groups[name] == group]
        for name in [*members, f"{group}_mean"]:
            shown = "mean" if name not in groups else name.replace("_", " ")
            for key, label, better in (
                ("auroc", "AUROC (%)", "higher"),
                ("fpr95", "FPR95 (%)", "lower"),
            ):
                values = percent("ood", score, name, key)
                section = f"{group.capitalize()} unknowns"
                add(section, f"{shown}: {label}", values, ".2f", better)
    size = "Size"
    for key in ("parameters", "nonzeros"):
        add(size, key.capitalize(), [m[key] for m in metrics], ",.0f")
    add(size, "Density of sparse layers (%)", percent("density"), ".2f")
    flops = [m["flops"] / 1e6 for m in metrics]
    add(size, "Inference (MFLOPs)", flops, ".3f")
    relative = [100.0 * m["flops"] / m["dense_flops"] for m in metrics]
    add(size, "Inference (% of dense)", relative, ".2f")
    training = percent("training_flops_fraction")
    add(size, "Training (% of dense)", training, ".2f")
    return table


def describe(run: RunDirectory) -> str:
    """Returns the title of a run, such as `digits, rigl, sparsity 0.9 erk`."""
    sparsity = run.config.sparsity
    if sparsity.method == "dense":
        return f"{run.trainer}, dense"
    return (
        f"{run.trainer}, {sparsity.method}, sparsity "
        f"{sparsity.sparsity:g} {sparsity.distribution}"
    )


def draw_figures(
    run: RunDirectory,
    metrics: Sequence[dict[str, Any]],
    histories: Sequence[list[dict[str, float]]],
) -> None:
    """Draws the figures of a run into its directory.

    Args:
        run: The run.
        metrics: The metrics of each seed.
        histories: The history of each seed.
    """
    title = describe(run)
    score = run.config.evaluation.ood_score
    arrays = [_arrays(run, entry["seed"]) for entry in metrics]
    layers = metrics[0]["layers"]
    figures = {
        "training_curves": report.training_curves(
            histories, title=f"Training curves ({title})"
        ),
        "reliability": report.reliability_diagram(
            [(a["probabilities"], a["labels"]) for a in arrays],
            run.config.evaluation.num_bins,
            title=f"Reliability\n({title})",
        ),
        "ood_scores": report.score_histograms(
            arrays[0][f"{score}/id"],
            {
                name.partition("/")[2]: array
                for name, array in arrays[0].items()
                if name.startswith(f"{score}/") and name != f"{score}/id"
            },
            _SCORE_LABELS[score],
            log_scale=score == "msp",
            title=f"Known and unknown samples ({title}, seed "
            f"{metrics[0]['seed']})",
        ),
        "layer_density": report.layer_density(
            {layer["name"]: layer["nonzeros"] for layer in layers},
            {layer["name"]: layer["size"] for layer in layers},
            title=f"Density per layer ({title})",
        ),
    }
    if "changed_connections" in histories[0][0]:
        figures["mask_changes"] = report.mask_changes(
            histories, title=f"Mask changes ({title})"
        )
    for name, figure in figures.items():
        report.save_figure(figure, run.plots / name)


def _arrays(run: RunDirectory, seed: int) -> dict[str, np.ndarray]:
    with np.load(run.seed(seed) / "scores.npz") as file:
        return dict(file)


def _get(entry: dict[str, Any], keys: Sequence[str]) -> float:
    for key in keys:
        entry = entry[key]
    return entry
