"""What one update did to each tensor, measured on the device."""
