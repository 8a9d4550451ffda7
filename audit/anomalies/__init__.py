"""Anomalies: rules that say what is strange among the entries of a target's logs, with thresholds of each target."""
