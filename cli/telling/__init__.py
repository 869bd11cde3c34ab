"""What is told of results: counterexamples, reports, the results file."""
