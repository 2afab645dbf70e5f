"""Claim: a RigL step costs at most 1.08 of a plain dense Keras step.

    python -m benchmarks.step_overhead

Trains the same small ResNet on the same batches as plain dense Keras, and
with static masks, SET and RigL, all through `model.fit`, interleaved in one
process; on TensorFlow and on JAX, in a process each. Prints the ratio of the
median step times with the quartiles over rounds, the time of a mask update
against the steps between two of them, and the peak memory of a process that
trains only this way. On a machine that is not quiet, the ratio of processor
time says more than that of wall-clock time.

Writes `results/step_overhead_<backend>.json`.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

METHODS = ("dense", "static", "set", "rigl")
UPDATE_FREQ = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default="tensorflow,jax")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--num_rounds", type=int, default=15)
    parser.add_argument("--steps_per_round", type=int, default=8)
    parser.add_argument("--width", type=int, default=16)
    # What the processes that the script starts for itself are to do.
    parser.add_argument("--measure", choices=("time", *METHODS))
    options = parser.parse_args()
    if options.measure == "time":
        print(json.dumps(measure_time(options)))
    elif options.measure:
        print(json.dumps(measure_memory(options.measure, options)))
    else:
        for backend in options.backends.split(","):
            report(backend, run_backend(backend, options), options)


def run_backend(backend, options):
    """Runs the measurements of one backend, each in a fresh process."""

    def run(what):
        arguments = [
            f"--{name}={value}"
            for name, value in vars(options).items()
            if name not in ("measure", "backends")
        ]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.step_overhead", *arguments]
            + [f"--measure={what}"],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    result = run("time")
    result["peak_memory_bytes"] = {method: run(method) for method in METHODS}
    return result


def measure_time(options):
    """Times steps of all methods, interleaved, and single mask updates."""
    from benchmarks import measure

    trainers = {method: Trainer(method, options) for method in METHODS}
    for trainer in trainers.values():
        trainer.seconds_per_step()  # Compiles.
    measured = measure.interleave(
        {name: t.seconds_per_step for name, t in trainers.items()},
        options.num_rounds,
    )
    wall, cpu = (
        {name: [pair[i] for pair in pairs] for name, pairs in measured.items()}
        for i in (0, 1)
    )
    return {
        "steps": measure.ratio_to(wall, "dense"),
        "steps_cpu_time": measure.ratio_to(cpu, "dense"),
        "mask_update_seconds": {
            method: trainers[method].seconds_per_update()
            for method in ("set", "rigl")
        },
        "options": {k: v for k, v in vars(options).items() if k != "measure"},
    }


def measure_memory(method, options):
    """Returns the peak resident memory of training with one method."""
    trainer = Trainer(method, options)
    trainer.seconds_per_step()
    if method in ("set", "rigl"):
        trainer.seconds_per_update(num_updates=2)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * (1 if sys.platform == "darwin" else 1024)


class Trainer:
    """One method's model, and the ways to time it."""

    def __init__(self, method, options):
        import keras
        import numpy as np

        import keras_moon as km
        from benchmarks.small_resnet import small_resnet

        keras.utils.set_random_seed(0)
        model = small_resnet(width=options.width)
        if method != "dense":
            model = km.sparsify(
                model,
                options.sparsity,
                dense_gradient=method == "rigl",
            )
        model.compile(
            keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.model = model
        self.num_steps = options.steps_per_round
        # The callback is there, and counts, but no update falls into the
        # timed steps: those are timed on their own.
        settings = {"update_freq": 10**6, "stop_step": 10**9}
        self.callback = {
            "dense": None,
            "static": km.callbacks.StaticSparse(),
            "set": km.callbacks.SET(**settings),
            "rigl": km.callbacks.RigL(**settings),
        }[method]
        rng = np.random.default_rng(0)
        num_samples = options.batch_size * self.num_steps
        self.x = rng.normal(size=(num_samples, 32, 32, 3)).astype("float32")
        self.y = rng.integers(0, 10, num_samples)
        self.batch_size = options.batch_size

    def seconds_per_step(self):
        """Returns wall-clock and processor seconds of one step."""
        import warnings

        import keras

        class Clock(keras.callbacks.Callback):
            """From the end of the first batch to the end of the last."""

            def on_train_batch_end(self, batch, logs=None):
                if batch == 0:
                    float(logs["loss"])  # Waits for the step.
                    self.start = _clocks()
                else:
                    self.last = logs["loss"]

            def on_epoch_end(self, epoch, logs=None):
                float(self.last)
                self.seconds = [
                    (now - start) / (self.params["steps"] - 1)
                    for now, start in zip(_clocks(), self.start, strict=True)
                ]

        clock = Clock()
        with warnings.catch_warnings():
            # That no mask was updated is what is wanted here.
            warnings.simplefilter("ignore")
            self.model.fit(
                self.x,
                self.y,
                batch_size=self.batch_size,
                shuffle=False,
                verbose=0,
                callbacks=[c for c in (self.callback, clock) if c],
            )
        return clock.seconds

    def seconds_per_update(self, num_updates=11):
        updater = self.callback.updater
        seconds = []
        for index in range(num_updates):
            start = time.perf_counter()
            updater.update(
                self.model, self.model.optimizer, (index + 1) * UPDATE_FREQ
            )
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[1:])  # The first one compiles.


def _clocks():
    # A busy machine stretches the first; the second counts all threads.
    return time.perf_counter(), time.process_time()


def report(backend, result, options):
    """Prints the table of one backend and writes its result file."""
    from benchmarks import measure

    dense = result["steps"]["dense"]["median_seconds"]
    print(
        f"\n{backend}: ResNet-20 (width {options.width}), batch "
        f"{options.batch_size}, sparsity {options.sparsity}, "
        f"{options.num_rounds} rounds of {options.steps_per_round} steps"
    )
    print(
        "method   ms/step   ratio (quartiles)     CPU-time ratio   ms/update   "
        f"update per {UPDATE_FREQ} steps   peak MiB"
    )
    for method in METHODS:
        row = result["steps"][method]
        update = result["mask_update_seconds"].get(method)
        share = (
            "-"
            if update is None
            else f"{update / (UPDATE_FREQ * row['median_seconds']):.2%}"
        )
        print(
            f"{method:8} {1e3 * row['median_seconds']:7.1f}   "
            f"{row['ratio']:.3f} ({row['ratio_q25']:.3f}-"
            f"{row['ratio_q75']:.3f})   "
            f"{result['steps_cpu_time'][method]['ratio']:14.3f}   "
            f"{'-' if update is None else f'{1e3 * update:.1f}':>9}   "
            f"{share:>20}   "
            f"{result['peak_memory_bytes'][method] / 2**20:8.0f}"
        )
    update = result["mask_update_seconds"]["rigl"]
    step = result["steps"]["rigl"]["median_seconds"]
    amortized = (step + update / UPDATE_FREQ) / dense
    result["rigl_ratio_with_updates"] = amortized
    print(f"RigL with its updates: {amortized:.3f} of dense")
    path = measure.write_result(f"step_overhead_{backend}", result)
    print(f"written: benchmarks/results/{path.name}")


if __name__ == "__main__":
    main()
