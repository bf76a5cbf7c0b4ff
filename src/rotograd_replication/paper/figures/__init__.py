"""One file per figure of the paper: from results to a drawing and the numbers it shows."""
