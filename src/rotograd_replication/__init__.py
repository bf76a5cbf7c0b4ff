"""A replication of RotoGrad (Javaloy and Valera, ICLR 2022), from archives to tables."""
