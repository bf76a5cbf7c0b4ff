# The replication, from raw archives to tables and figures.
#
#   snakemake                                      the quick study, on stand-in data
#   snakemake --config study=lite mirror=FOLDER    real data, scaled to a CPU
#   snakemake --config study=paper                 everything, as published
#
# Targets: all, data, tune, results, tables, figures, verdicts, report, status, or any file that they make. `-n`
# says what would run and why.
import time

STARTED = time.monotonic()


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/digests.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/tune.smk"
include: "rules/paper.smk"
include: "rules/report.smk"


from rotograd_replication.report import closing

# Finished runs have no rules that `--forcerun` could name.
for name in sys.argv[1:] if workflow.is_main_process else []:
    if re.fullmatch(r"(train|tune|reuse)_\w+", name) and not workflow.is_rule(name):
        raise WorkflowError(
            f"`{name}` must name a rule of runs that are not finished. Found none. To train runs "
            f"again, remove their folders, such as {RESULTS}/digits/vanilla, and leave it out."
        )


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.verdicts.output,
        rules.report.output,


# On a cluster these run where snakemake does: `fetch` needs the internet, and the others take
# seconds, less than a job's own start.
localrules:
    all,
    data,
    results,
    status,
    tune,
    tables,
    figures,
    fetch,
    table,
    figure,
    hyperparameters,
    verdicts,
    report,


# Whatever was asked for: runs that failed are no success of the whole.
onsuccess:
    made = {str(file) for job in workflow.dag.jobs for file in job.output}
    paths = (rules.verdicts.output[0], rules.report.output[0])
    for line in closing.success(STUDY, made, *paths, time.monotonic() - STARTED):
        logger.info(line)
    if lost := diverged(workflow.dag):
        raise WorkflowError(lost)


onerror:
    left_undone(workflow)
    if lost := diverged(workflow.dag):
        logger.error(lost)
    for line in closing.failure(STUDY, time.monotonic() - STARTED):
        logger.info(line)
