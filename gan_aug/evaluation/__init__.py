"""What results are worth: comparisons, calibration, quality, anomalies, gates."""
