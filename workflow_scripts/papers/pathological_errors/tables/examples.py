"""The most probable next tokens at a few tokens, of the model as it is and under two interventions."""

from workflow_scripts.anatomy.base.tables import Named, Tables, read_table


def tabulate(input: Named, params: Named) -> Tables:
    """input: examples, as `predict_examples` wrote them."""
    return {"table": read_table(input.examples)}
