"""The auditor's portal: a read-only web page over a log, with an index to search it by. `changegate.cli.serve` wires it."""
