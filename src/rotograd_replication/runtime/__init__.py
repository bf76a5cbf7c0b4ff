"""The process that a job runs in: device, random numbers, the signals that end it."""
