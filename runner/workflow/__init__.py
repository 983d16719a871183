"""The straight line: validate, plan, run, judge, report, and the status of all sprints."""
