"""More than one machine: replicas of the predictor on a Ray cluster, and what users cost."""
