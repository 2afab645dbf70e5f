"""What a training run consists of, taken from a model and put back."""

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.training.checkpoint_file import Checkpoint
from keras_moon.training.replica_values import read_replicas
from keras_moon.training.replica_values import write_replicas
from keras_moon.training.stateful import stateful_callbacks

# Differences to name in an error; the rest is counted.
_MAX_DIFFERENCES = 5
# Keras numbers equal names within a process: dense, dense_1, ...
_AUTOMATIC_NUMBER = re.compile(r"_\d+(?=[/_]|$)")


def run_variables(model: keras.Model) -> dict[str, list[Any]]:
    """Returns the variables of a run, in groups.

    `"model"` has weights, masks, dense-gradient taps and the state of seed
    generators; `"optimizer"` also what is inside a `LossScaleOptimizer`;
    `"metrics"` the running sums.
    """
    return {
        "model": list(model.variables),
        "optimizer": list(model.optimizer.variables),
        "metrics": list(model.metrics_variables),
    }


def capture(
    model: keras.Model,
    epoch: int,
    batch: int,
    fingerprint: dict[str, Any],
    finished_epochs: int | None = None,
) -> Checkpoint:
    """Returns the state of the model and of its stateful callbacks."""
    return Checkpoint(
        epoch=epoch,
        batch=batch,
        finished_epochs=finished_epochs,
        fingerprint=fingerprint,
        variables={
            group: [read_replicas(v) for v in variables]
            for group, variables in run_variables(model).items()
        },
        callbacks={
            key: callback.get_state()
            for key, callback in stateful_callbacks(model).items()
        },
    )


def restore_variables(
    model: keras.Model, checkpoint: Checkpoint, groups: tuple[str, ...]
) -> None:
    """Writes the values of some groups back. Fingerprints must be equal."""
    variables = run_variables(model)
    for group in groups:
        values = checkpoint.variables[group]
        for variable, value in zip(variables[group], values, strict=True):
            write_replicas(variable, value)


def restore_callbacks(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Gives every stateful callback the state it had."""
    for key, callback in stateful_callbacks(model).items():
        callback.set_state(checkpoint.callbacks[key])


def build_for_restoring(
    model: keras.Model, batch: tuple | None, fingerprint: Mapping[str, Any]
) -> None:
    """Creates the variables that TensorFlow leaves to the first step.

    Args:
        model: Compiled model. Without `batch` it must be built.
        batch: A batch of training data, or `None`. It trains nothing.
        fingerprint: That of the checkpoint that is going to be restored.

    Raises:
        ValueError: If the model is not built and there is no batch.
    """
    if not model.built and batch is None:
        raise ValueError(
            "TrainingCheckpoint cannot resume a model that is not built. "
            "Build it before `fit`, for example by calling it on a batch, or "
            "pass `data=`."
        )
    strategy = getattr(model, "_distribute_strategy", None)
    if strategy is not None:
        # As `fit` does. Outside of a step of the strategy, variables cannot
        # be made by running the model: nothing may be added to a sum there.
        with strategy.scope():
            if batch is not None:
                model._symbolic_build(data_batch=batch)
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
        return
    expected = fingerprint["variables"].get("metrics")
    if batch is not None and (
        not model.built or _signatures(model)["metrics"] != expected
    ):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(
            keras.tree.map_structure(ops.convert_to_tensor, batch)
        )
        outputs = model(x, training=False)
        model.compute_loss(
            x=x, y=y, y_pred=outputs, sample_weight=weight, training=False
        )
        model.compute_metrics(x, y, outputs, sample_weight=weight)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def fingerprint_of(
    model: keras.Model,
    groups: tuple[str, ...],
    data: Mapping[str, Any] | list[Any] | None,
    config: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns what two runs must share for one to go on with the other.

    Args:
        model: Compiled and built model, with the callbacks of `fit` set.
        groups: Groups of `run_variables` to compare.
        data: Fingerprint of the training data, or a list with that of every
            process, or `None`.
        config: Whatever else must be equal, or `None`.

    Returns:
        Nested dicts and lists that survive JSON.
    """
    # What a user chose comes first: an error names the first differences.
    found = {
        "backend": keras.backend.backend(),
        "config": None if config is None else dict(config),
        "data": data,
        "optimizer": _optimizer_config(model.optimizer),
        "callbacks": {
            key: callback.get_config()
            if hasattr(callback, "get_config")
            else {}
            for key, callback in stateful_callbacks(model).items()
        },
        "variables": {group: _signatures(model)[group] for group in groups},
    }
    return json.loads(json.dumps(found, default=_as_json))


def differences(
    saved: Any, current: Any, path: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yields (place, saved value, current value) where two structures differ.

    What one side lacks is given as `None`.
    """
    if isinstance(saved, dict) and isinstance(current, dict):
        for key in dict.fromkeys([*saved, *current]):
            place = f"{path}.{key}" if path else key
            yield from differences(saved.get(key), current.get(key), place)
    elif isinstance(saved, list) and isinstance(current, list):
        for index in range(max(len(saved), len(current))):
            yield from differences(
                saved[index] if index < len(saved) else None,
                current[index] if index < len(current) else None,
                f"{path}[{index}]",
            )
    elif saved != current:
        yield path, saved, current


def check_fingerprint(
    saved: Mapping[str, Any], current: Mapping[str, Any], place: Any
) -> None:
    """Raises a `ValueError` that names what differs, if anything does."""
    found = list(differences(saved, current))
    if not found:
        return
    lines = [
        f"  {path}: the checkpoint has {old!r}, this run has {new!r}"
        for path, old, new in found[:_MAX_DIFFERENCES]
    ]
    if len(found) > len(lines):
        lines.append(f"  and {len(found) - len(lines)} more")
    raise ValueError(
        f"The checkpoint {place} belongs to another run:\n"
        + "\n".join(lines)
        + "\nMake them equal, or choose another directory."
    )


def is_writer() -> bool:
    """Whether this process is the one that writes files."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return jax.process_index() == 0


def gather_processes(value: Any) -> list[Any]:
    """Returns what each process of a JAX job has, in their order.

    All processes must call it.

    Args:
        value: Anything that can be written as JSON.
    """
    if keras.backend.backend() != "jax":
        return [value]
    import jax

    if jax.process_count() == 1:
        return [value]
    from jax.experimental import multihost_utils

    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(text.size))
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: text.size] = text
    rows = np.asarray(multihost_utils.process_allgather(padded))
    return [
        json.loads(row[:length].tobytes())
        for row, length in zip(rows, lengths.tolist(), strict=True)
    ]


def check_processes_found(found: Checkpoint | None, directory: Any) -> None:
    """Raises a `ValueError` if not all processes found the same checkpoint."""
    places = gather_processes(found and found.file_name)
    if len(set(places)) > 1:
        raise ValueError(
            "TrainingCheckpoint: expected all processes to find the same "
            f"checkpoint in {directory}. They found: {places}. The directory "
            "must be on a disk that all of them see."
        )


def _signatures(model: keras.Model) -> dict[str, list[str]]:
    return {
        group: [
            f"{_stable_name(group, v.path)} {tuple(v.shape)} "
            f"{keras.backend.standardize_dtype(v.dtype)}"
            for v in variables
        ]
        for group, variables in run_variables(model).items()
    }


def _stable_name(group: str, path: str) -> str:
    """A name that depends neither on earlier models nor on who built it."""
    if group == "optimizer":  # its scope depends on what called `build`
        path = path.rsplit("/", 1)[-1]
    return _AUTOMATIC_NUMBER.sub("", path)


def _as_json(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "get_config"):
        return [type(value).__name__, value.get_config()]
    raise TypeError(
        "Expected a configuration of numbers, strings, lists, dicts and "
        f"objects with `get_config`. Received: {value!r}."
    )


def _optimizer_config(optimizer: Any) -> dict[str, Any]:
    """Class and arguments, without the rate, which callbacks may change."""
    config = keras.saving.serialize_keras_object(optimizer)
    return _without_rate(config)


def _without_rate(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: _without_rate(value)
            for key, value in config.items()
            if key not in ("name", "build_config", "compile_config")
            and not (key == "learning_rate" and isinstance(value, float))
        }
    if isinstance(config, list | tuple):
        return [_without_rate(value) for value in config]
    return config
