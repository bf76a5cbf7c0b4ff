"""One file per table of the paper: from results to numbers; `render` does the rest."""
