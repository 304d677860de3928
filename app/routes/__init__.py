"""The addresses, one router per noun."""
