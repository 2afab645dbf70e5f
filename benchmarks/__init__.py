"""One script per performance claim; results in `results/`."""
