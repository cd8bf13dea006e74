"""The operations `texture.*`."""
