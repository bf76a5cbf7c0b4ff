"""One file per section of the report, and a template of the same name that shows what it found."""
