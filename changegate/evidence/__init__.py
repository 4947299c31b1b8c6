"""Evidence: an append-only Merkle log of signed records, its proofs, its only writer and its verifier.

Everything here but `log`, `reader` and `verify` is pure: bytes in, values out. Those three reach a store through `changegate.stores.Store` alone.
"""
