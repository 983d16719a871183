"""From what the stages wrote to what was measured: tables in, evaluation records out."""
