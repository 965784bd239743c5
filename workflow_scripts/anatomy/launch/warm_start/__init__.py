"""Jobs that start with their imports behind them: forks of one process that has them loaded."""
