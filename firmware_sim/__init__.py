"""A stranger that lives days of home care against the service over HTTP and writes down what really happened."""
