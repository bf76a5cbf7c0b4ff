"""Stand-ins: generated archives in the original file formats, for machines without the data."""
