"""A replication of RotoGrad (Javaloy and Valera, ICLR 2022), from raw archives to the paper's tables."""
