"""What things are: specs, digests, plans, gates. No clock, file, network or subprocess in here."""
