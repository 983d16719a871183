"""Tools for annotation: one class per file, options and behaviour together. The union is what a spec may name."""
