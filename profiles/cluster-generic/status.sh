#!/usr/bin/env bash
# Says what became of a SLURM job: running, success or failed. Usage: status.sh JOBID
# squeue forgets a job MinJobAge seconds after its end; sacct knows it where accounting is on.
set -u
job=${1%%;*} # --parsable adds ";cluster" on federated clusters

state=$(squeue --noheader --states=all --jobs="$job" --format=%T 2>/dev/null | head -n 1)
if [ -z "$state" ]; then
  state=$(sacct --noheader --parsable2 --allocations --jobs="$job" --format=State 2>/dev/null | head -n 1)
fi

case "$state" in
  COMPLETED) echo success ;;
  PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED | REQUEUED | REQUEUE_HOLD | RESIZING | SIGNALING | STAGE_OUT | STOPPED)
    echo running ;;
  BOOT_FAIL | CANCELLED* | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | SPECIAL_EXIT | TIMEOUT)
    echo failed ;;
  *)
    # No answer: the controller is busy, or the job is forgotten. Ask again a few times before
    # calling it lost, or one hiccup of the controller would fail every running job.
    unanswered=".snakemake/cluster-status/$job"
    mkdir -p .snakemake/cluster-status
    echo >> "$unanswered"
    if [ "$(wc -l < "$unanswered")" -ge 30 ]; then echo failed; else echo running; fi
    exit 0 ;;
esac
rm -f ".snakemake/cluster-status/$job"
