"""What the service is measured against, each a program: `PORT VERSION_DIR` → a server."""
