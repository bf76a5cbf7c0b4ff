"""Bytes on disk: files whole or not at all, checked and digested. It knows no project."""
