"""The process that a job runs in: device, random numbers, provenance, the signals that end it."""
