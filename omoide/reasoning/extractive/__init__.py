"""The reasoner that needs no model: it takes apart what was said, quotes it, and never invents."""
