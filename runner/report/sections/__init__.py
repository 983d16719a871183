"""The Markdown report's sections: one file per question a reviewer asks, each a list of parts."""
