"""What an auditor asks of a log: the population of a period, a sample of it that anybody can draw again."""
