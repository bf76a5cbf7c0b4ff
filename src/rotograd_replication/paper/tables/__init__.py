"""One file per table of the paper: from results to numbers; `table_format` does the rest."""
