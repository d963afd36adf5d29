"""As much of AWS's protocols as this service needs beside obstore: signed requests of a few kinds."""
