from trainers.files import read_csv
from trainers.history_file import HistoryFile


def write(path, rows):
    history = HistoryFile(path)
    history.on_train_begin()
    for epoch, logs in rows:
        history.on_epoch_end(epoch, logs)


def test_writes_as_training_goes(tmp_path):
    path = tmp_path / "history.csv"
    write(path, [(0, {"loss": 0.5, "changed_connections": 7})])
    assert read_csv(path) == [
        {"epoch": 1, "loss": 0.5, "changed_connections": 7}
    ]


def test_an_epoch_that_is_trained_again_stands_there_once(tmp_path):
    path = tmp_path / "history.csv"
    write(path, [(0, {"loss": 0.5}), (1, {"loss": 0.4}), (2, {"loss": 9.0})])
    write(path, [(1, {"loss": 0.4}), (2, {"loss": 0.3}), (3, {"loss": 0.2})])
    assert [(row["epoch"], row["loss"]) for row in read_csv(path)] == [
        (1, 0.5),
        (2, 0.4),
        (3, 0.3),
        (4, 0.2),
    ]


def test_columns_may_come_later(tmp_path):
    path = tmp_path / "history.csv"
    write(path, [(0, {"loss": 0.5}), (1, {"loss": 0.4, "val_loss": 0.6})])
    assert read_csv(path)[1]["val_loss"] == 0.6
    assert "val_loss" not in read_csv(path)[0]
