"""Training on the simulated world: perception, then reasoning on what it sees, then calibration."""
