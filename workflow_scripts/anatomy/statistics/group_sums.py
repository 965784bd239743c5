"""Sums of tensors over the tokens of each group, to the same bits every time."""

import torch


def sum_rows_by_group(rows: torch.Tensor, groups: torch.Tensor, n: int) -> torch.Tensor:
    """Sums of rows (N, ...) in each of n groups, (n, ...); groups (N,) int64 on the same device.

    `units.sum_by_group` does the same for arrays.
    """
    return (_in_order if rows.device.type == "cpu" else by_product)(rows, groups, n)


def by_product(rows: torch.Tensor, groups: torch.Tensor, n: int) -> torch.Tensor:
    """The sums as a matrix product: on a GPU, `index_add_` adds in no fixed order."""
    sums = rows.new_zeros(n, *rows.shape[1:])
    present, place = torch.unique(groups, return_inverse=True)
    member = (place == torch.arange(len(present), device=rows.device)[:, None]).to(rows.dtype)
    sums[present] = torch.tensordot(member, rows, 1)
    return sums


def _in_order(rows: torch.Tensor, groups: torch.Tensor, n: int) -> torch.Tensor:
    return rows.new_zeros(n, *rows.shape[1:]).index_add_(0, groups, rows)
