"""The table that `km.summary` prints."""

import io
from typing import Any


def summary_table(model_name: str, result: Any) -> str:
    """Returns a summary as a table with one line per layer, and totals."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Sparsity of '{model_name}'", title_justify="left")
    table.add_column("layer", overflow="fold")
    table.add_column("kind")
    for name in ("kernel", "nonzeros", "density", "FLOPs", "if dense"):
        table.add_column(name, justify="right")
    for row in result.rows:
        table.add_row(
            row.name,
            row.kind,
            _shape(row.shape),
            f"{row.nonzeros:,}",
            f"{row.density:.4f}" if row.sparse else "dense",
            _count(row.flops),
            _count(row.dense_flops),
        )
    # A fixed width: the same text in a terminal, a log file and a notebook.
    buffer = io.StringIO()
    console = Console(file=buffer, width=100, no_color=True)
    console.print(table)
    for row in result.rows:
        if row.note:
            console.print(f"dense: {row.name} ({row.note})", highlight=False)
    console.print(_totals(result), highlight=False)
    return buffer.getvalue().rstrip()


def _totals(result: Any) -> str:
    parts = [
        f"parameters {result.parameters:,}, of which active "
        f"{result.nonzeros:,}; density of the sparse layers "
        f"{result.density:.4f}"
    ]
    if result.dense_macs:
        parts.append(
            f"per example {result.flops:,} FLOPs ({result.macs:,} MACs), "
            f"{result.macs / result.dense_macs:.4f} of dense"
            + _without(result.unknown_macs)
        )
    parts.append(
        f"bytes {result.dense_bytes:,} dense, {result.sparse_bytes:,} as "
        "values and bitmask"
    )
    parts.append(
        f"not counted as parameters: {result.mask_values:,} mask bits, "
        f"{result.tap_values:,} dense-gradient values"
    )
    return "\n".join(parts)


def _without(names: tuple[str, ...]) -> str:
    return f", without {', '.join(names)}" if names else ""


def _shape(shape: tuple[Any, ...]) -> str:
    if shape and isinstance(shape[0], tuple):
        return " + ".join(_shape(inner) for inner in shape)
    return "x".join(str(dim) for dim in shape)


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
