"""Programs to train and evaluate networks: `python -m trainers.digits`."""
