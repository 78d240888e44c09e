"""A simulator, independent of the service: it lives days of home care against it over HTTP and logs the truth."""
