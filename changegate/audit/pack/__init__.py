"""The evidence pack: one file that an auditor verifies without us. Its form is described in docs/evidence-pack.md."""
