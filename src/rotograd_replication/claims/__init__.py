"""The paper's claims as tests on results, without torch."""
