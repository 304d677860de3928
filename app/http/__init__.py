"""What every answer shares: errors, encoding, compression, files, the page of the API."""
