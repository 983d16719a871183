"""The plan as data: what will run, what is cached and why, what it will select and cost. Nothing is executed."""
