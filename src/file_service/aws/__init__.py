"""The parts of AWS's protocols that this service needs in addition to obstore."""
