"""Witnesses: who remembers a log for others, and cosigns only what continues it (https://c2sp.org/tlog-witness).

`submission` is the protocol's text (pure), `judge` what a witness decides, `memory` what it keeps, `server` its HTTP side;
`client` asks one witness, `obtain` asks all that a trust file names until they make its quorum.
"""
