"""`make run`: one run at a time, what killed ones leave behind, interruption, the warm process."""
