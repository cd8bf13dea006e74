"""The operations `style.*`."""
