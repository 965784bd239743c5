"""A room for each paper: its block of the configuration, its plan, tables, figures and claims.

Nothing outside this folder knows their names. To add one, make its room and its rules
(`rules/papers/<paper>.smk`), and put its name here.
"""

# In the order of the README, the targets and the page of claims; in one line, to which one name is added.
# fmt: off
PAPERS = ("overview", "dark_matter", "canonical_units", "pathological_errors", "interpretable_features")
# fmt: on
