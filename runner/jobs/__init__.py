"""What happens on a pull request: one file per CI job. Each reads the forge's environment and calls the workflow."""
