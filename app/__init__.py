"""Taggad: the visit log that home care can trust."""
