"""What requests hold and what is answered."""
